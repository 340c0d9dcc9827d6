#!/usr/bin/env bash
# Makes .venv from uv.lock: `core` is what the programs need, `everything` adds the test and check tools.
set -euo pipefail
cd "$(dirname "$0")/.."
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME
mkdir -p .cache

say() { echo "==> $*" >&2; }
fail() { printf 'penstock: %s\n' "$@" >&2; exit 1; }

find_python() {
  local name
  for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  fail "no Python 3.11 or newer was found on PATH." \
    "Install one (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python) or name it: make PYTHON=/path/to/python …"
}

find_uv() {
  local own=.cache/uv/bin/uv log=.cache/uv.log
  if uv --version >/dev/null 2>&1; then
    command -v uv
    return
  fi
  if [ ! -x "$own" ]; then
    say "getting uv into .cache/uv"
    rm -rf .cache/uv
    "$1" -m venv .cache/uv >"$log" 2>&1 ||
      fail "python could not make an environment (Debian and Ubuntu: apt install python3-venv). See $log."
    .cache/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.6' >>"$log" 2>&1 ||
      fail "uv could not be fetched: is there a network? See $log. With uv already on PATH none is needed for this step."
  fi
  echo "$own"
}

groups=(--no-default-groups)
[ "$1" = everything ] && groups+=(--group dev --group test --group infra)
[ "$1" = core ] && groups+=(--inexact) # what `make test` installed may stay

python=$(find_python)
uv=$(find_uv "$python")
# Compiled now, so that the first start does not pay for it.
export UV_PYTHON="$python" UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
[ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && UV_PYTHON=.venv/bin/python
say "Python packages ($1), from uv.lock into .venv"
log=.cache/packages.log
sync() { "$uv" sync --frozen --quiet "${groups[@]}" "$@" >"$log" 2>&1; }
sync || sync --offline || { tail -n 15 "$log" >&2; fail "the packages could not be installed: is there a network? See $log."; }
touch ".venv/.$1"
[ "$1" = everything ] && touch .venv/.core
exit 0

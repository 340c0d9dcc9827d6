#!/usr/bin/env bash
# From a fresh clone to a running server: the environment is there when this starts.
set -euo pipefail
cd "$(dirname "$0")/.."
port=$1
say() { echo "==> $*" >&2; }
fail() { printf 'penstock: %s\n' "$@" >&2; exit 1; }

.venv/bin/python - "$port" <<'PY' || fail "port $port is not free. Choose another: make up PORT=6790"
import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", int(sys.argv[1])))
    except (OSError, OverflowError, ValueError):
        sys.exit(1)
PY

[ "$2" = off ] || make/web.sh build
if [ ! -e demo/metadata.yaml ]; then
  say "the demo project, into ./demo"
  .venv/bin/penstock init demo --demo >/dev/null
fi
say "starting (Ctrl-C stops it)"
exec .venv/bin/penstock start demo --port "$port"

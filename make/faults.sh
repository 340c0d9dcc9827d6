#!/usr/bin/env bash
# The faults lane sets the clock of a process. As root (in CI, say) installs Debian's libfaketime and says so; else says how.
set -euo pipefail
cd "$(dirname "$0")/.."
compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null && exit 0
[ -e /usr/lib/faketime/libfaketime.so.1 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "==> installing Debian's libfaketime for the faults lane (apt-get)" >&2
  mkdir -p .cache
  { apt-get update && apt-get install --yes --no-install-recommends faketime; } >.cache/apt.log 2>&1 ||
    echo "penstock: libfaketime could not be installed (see .cache/apt.log); the faults lane will say so" >&2
  exit 0
fi
echo "penstock: no libfaketime, so no clock jumps in the faults lane (Debian and Ubuntu: sudo apt install faketime)" >&2

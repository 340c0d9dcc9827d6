#!/usr/bin/env bash
# The e2e lane drives a real Chromium. As root (in CI, say) installs Debian's and says so; else says how.
set -euo pipefail
for name in chromium chromium-browser google-chrome chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "==> installing Debian's Chromium for the e2e lane (apt-get)" >&2
  mkdir -p .cache
  { apt-get update && apt-get install --yes --no-install-recommends chromium; } >.cache/apt.log 2>&1 ||
    echo "penstock: Chromium could not be installed (see .cache/apt.log); the e2e lane will say so" >&2
  exit 0
fi
echo "penstock: no Chromium on PATH, so the e2e lane will not run (Debian and Ubuntu: sudo apt install chromium)" >&2

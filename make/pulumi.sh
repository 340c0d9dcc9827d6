#!/usr/bin/env bash
# The infra lane runs the real Pulumi engine. Finds it, or gets it into .cache/pulumi, and says which one it is:
# the one that PENSTOCK_TEST_PULUMI names, `pulumi` on PATH, the one got before, the Automation API's own installer, or a
# build from its Go module (make/pulumi). What cannot be had is said; then the lane does not run, which fails in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "==> $*" >&2; }
give_up() { printf 'penstock: %s\n' "$@" >&2; exit 0; }

module=$PWD/make/pulumi
version=$(sed -n 's|^\tgithub.com/pulumi/pulumi/pkg/v3 \(v[0-9.]*\)$|\1|p' "$module/go.mod")
home=$PWD/.cache/pulumi
engine=$home/bin/pulumi
log=.cache/pulumi.log
oldest=3.181 # inline programs for refresh and destroy
others="put \`pulumi\` on PATH, or name one: PENSTOCK_TEST_PULUMI"

version_of() { PULUMI_SKIP_UPDATE_CHECK=true PULUMI_HOME=$home/home "$1" version 2>/dev/null; }

use() {
  say "the Pulumi engine: $1 ($2)"
  exit 0
}

is_new_enough() {
  [ "$(printf '%s\n' "$oldest" "${1#v}" | sort -V | head -n 1)" = "$oldest" ]
}

find_given() {
  [ -n "${PENSTOCK_TEST_PULUMI:-}" ] || return 0
  local found
  found=$(version_of "$PENSTOCK_TEST_PULUMI") || give_up "PENSTOCK_TEST_PULUMI names $PENSTOCK_TEST_PULUMI, which does not run"
  use "$PENSTOCK_TEST_PULUMI" "$found"
}

find_on_path() {
  local path found
  path=$(command -v pulumi) || return 0
  found=$(version_of "$path") || return 0
  is_new_enough "$found" && use "$path" "$found"
  give_up "$path is $found, and the infra lane needs v$oldest or newer: update it, or take it off PATH"
}

find_cached() {
  [ -x "$engine" ] && [ "$(version_of "$engine")" = "$version" ] && use "$engine" "$version"
  return 0
}

# The installer has no time limit of its own, and the place it asks may not be reachable.
install_release() {
  local making=$home/making.$$
  say "getting Pulumi $version with the Automation API's installer (a minute at most; its words: $log)"
  if timeout 60 .venv/bin/python - "$making" "${version#v}" >"$log" 2>&1 <<'PYTHON'
import socket, sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo

socket.setdefaulttimeout(10)
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
PYTHON
  then
    mkdir -p "$home/bin"
    mv -f "$making"/bin/* "$home/bin/"
  else
    say "  that did not work: $(tail -n 1 "$log")"
  fi
  rm -rf "$making"
}

check_go() {
  local found
  command -v go >/dev/null || give_up "no Go on PATH to build Pulumi with, so the infra lane will not run" \
    "(install Go 1.26 or newer, $others)"
  found=$(GOTOOLCHAIN=local go env GOVERSION)
  [ "$(printf '%s\n' 1.26 "${found#go}" | sort -V | head -n 1)" = 1.26 ] ||
    give_up "Go is ${found#go} and Pulumi $version needs 1.26, so the infra lane will not run" "(update Go, $others)"
}

# A line now and then, because a first build takes minutes. Ends with the build.
show_progress() {
  local seconds=0
  while sleep 5 && kill -0 "$1" 2>/dev/null; do
    seconds=$((seconds + 5))
    [ $((seconds % 15)) = 0 ] && say "  $(grep -c . "$log") packages after $seconds s" || true
  done
}

# Renamed when whole: whoever looks into bin finds a whole program or none.
build() {
  check_go
  local building
  making=$home/bin/making.$$
  mkdir -p "$home/bin"
  trap 'rm -f "$making"' EXIT
  say "building Pulumi $version from its Go module (minutes the first time; its words: $log)"
  (cd "$module" && exec env GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -v -trimpath -buildvcs=false \
    -o "$making" -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi) >"$log" 2>&1 &
  building=$!
  trap 'kill "$building" 2>/dev/null; exit 130' INT TERM
  show_progress "$building"
  if ! wait "$building"; then
    tail -n 15 "$log" >&2
    give_up "Pulumi could not be built, so the infra lane will not run: is there a network? See $log." "($others)"
  fi
  mv -f "$making" "$engine"
}

mkdir -p .cache
find_given
find_on_path
find_cached
install_release
find_cached
build
find_cached
give_up "what was built is not Pulumi $version: $engine"

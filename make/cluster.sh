#!/usr/bin/env bash
# The cluster lane runs against a real Kubernetes API server: builds it from its Go module (make/kubernetes) into
# .cache/kubernetes, once per version, and finds etcd. With PENSTOCK_TEST_KUBECONFIG that cluster is used instead.
# What cannot be had is said here; then the lane does not run, which fails in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "==> $*" >&2; }
give_up() { printf 'penstock: %s\n' "$@" >&2; exit 0; }

if [ -n "${PENSTOCK_TEST_KUBECONFIG:-}" ]; then
  say "cluster tests on the cluster of $PENSTOCK_TEST_KUBECONFIG: nothing to build"
  exit 0
fi

module=$PWD/make/kubernetes
version=$(sed -n 's|^require k8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$module/go.mod")
home=$PWD/.cache/kubernetes/$version
programs=(kube-apiserver kube-controller-manager)
log=.cache/kubernetes.log

# Debian and Ubuntu call the package etcd-server; brew's is etcd.
find_etcd() {
  command -v etcd >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Debian's etcd for the cluster lane (apt-get)"
    { apt-get update && apt-get install --yes --no-install-recommends etcd-server; } >.cache/apt.log 2>&1 || true
  fi
  command -v etcd >/dev/null || give_up "no etcd on PATH, so the cluster lane will not run" \
    "(Debian and Ubuntu: sudo apt install etcd-server; macOS: brew install etcd; or name a cluster: PENSTOCK_TEST_KUBECONFIG)"
}

is_built() {
  local name
  for name in "${programs[@]}"; do [ -x "$home/bin/$name" ] || return 1; done
}

# A line now and then, because a first build takes minutes. Ends with the build.
show_progress() {
  local seconds=0
  while sleep 5 && kill -0 "$1" 2>/dev/null; do
    seconds=$((seconds + 5))
    [ $((seconds % 30)) = 0 ] && say "  $(grep -c . "$log") packages compiled after $seconds s" || true
  done
}

# Everything goes to a folder of this run first: whoever looks into bin finds a whole program or none.
build() {
  command -v go >/dev/null || give_up "no Go on PATH to build Kubernetes with, so the cluster lane will not run" \
    "(install Go 1.24 or newer, or name a cluster: PENSTOCK_TEST_KUBECONFIG)"
  local packages=() about=k8s.io/component-base/version
  making=$home/making.$$
  mkdir -p "$making" "$home/bin"
  trap 'rm -rf "$making"' EXIT
  packages=("${programs[@]/#/k8s.io/kubernetes/cmd/}")
  say "building Kubernetes $version from its Go module: ${programs[*]} (minutes the first time; its words: $log)"
  local minor=${version#v*.}
  (cd "$module" && exec env GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -v -trimpath -buildvcs=false -o "$making/" \
    -ldflags "-s -w -X $about.gitVersion=$version -X $about.gitMajor=1 -X $about.gitMinor=${minor%%.*}" \
    "${packages[@]}") >"$log" 2>&1 &
  building=$!
  trap 'kill "$building" 2>/dev/null; exit 130' INT TERM
  show_progress "$building"
  if ! wait "$building"; then
    tail -n 15 "$log" >&2
    give_up "Kubernetes could not be built, so the cluster lane will not run: is there a network? See $log."
  fi
  local name
  for name in "${programs[@]}"; do mv -f "$making/$name" "$home/bin/$name"; done
}

mkdir -p .cache
find_etcd
is_built || build
say "Kubernetes $version with etcd $(etcd --version | sed -n 's/^etcd Version: //p')"

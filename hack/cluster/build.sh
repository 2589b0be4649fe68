#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Builds the programs of the local control plane, once per machine and pinned
# version, from the Go module in this directory. The versions are in its go.mod.
set -o errexit -o nounset -o pipefail

module_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly module_dir
readonly default_programs=(etcd kube-apiserver kube-controller-manager kube-scheduler kubectl)
readonly build_flags=(-trimpath -buildvcs=false)
# The free disk space that is required before a build: the size of a cold Go build
# cache with its temporary files.
readonly need_gib=${EVENTS_BUILD_NEED_GIB:-6}

usage() {
  cat <<HELP
Build the programs of the local control plane, once per machine and version.

Usage:
  hack/cluster/build.sh [NAME...]
  hack/cluster/build.sh --print-dir
  hack/cluster/build.sh --help

NAME is one of: ${default_programs[*]} e2e.test
Without a NAME, all programs except e2e.test are built.

Examples:
  hack/cluster/build.sh                      # what "make up" needs
  hack/cluster/build.sh e2e.test             # Kubernetes' own end-to-end tests
  PATH="\$(hack/cluster/build.sh --print-dir):\$PATH" kubectl version

Environment:
  EVENTS_TOOLS_DIR       directory of the programs (default ~/.cache/events-apiserver/tools)
  EVENTS_BUILD_NEED_GIB  free disk space in GiB that a build requires (default 6)
HELP
}

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

# required MODULE prints its version in go.mod.
required() {
  local first second rest
  while read -r first second rest; do
    if [[ $first == "$1" ]]; then
      echo "$second"
      return
    fi
  done <"$module_dir/go.mod"
  fail "hack/cluster/go.mod has no line for $1"
}

# ldflags prints the linker flags that set the version, for "kubectl version" and the
# user agents. Without them the version of a Kubernetes program is v0.0.0.
ldflags() {
  local major minor package
  IFS=. read -r major minor _ <<<"${kubernetes_version#v}"
  printf -- '-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- ' -X %s.gitVersion=%s' "$package" "$kubernetes_version"
    printf -- ' -X %s.gitMajor=%s -X %s.gitMinor=%s' "$package" "$major" "$package" "$minor"
    printf -- ' -X %s.gitTreeState=clean' "$package"
  done
}

version_of() {
  case $1 in
    etcd) echo "$etcd_version" ;;
    *) echo "$kubernetes_version" ;;
  esac
}

known() {
  local name
  for name in "${default_programs[@]}" e2e.test; do
    [[ $name == "$1" ]] && return
  done
  return 1
}

# The name of the directory depends on all pinned versions and flags, so that a
# program in it is always the right one, and a warm run does not need Go.
tools_dir() {
  local hash
  hash=$({ cat "$module_dir/go.mod" "$module_dir/go.sum"; echo "${build_flags[*]} $(ldflags)"; } | sha256sum)
  echo "${EVENTS_TOOLS_DIR:-$HOME/.cache/events-apiserver/tools}/kubernetes-$kubernetes_version-etcd-$etcd_version-${hash:0:10}"
}

check_go() {
  local want have
  want=$(required go)
  command -v go >/dev/null || fail "go is not in PATH; install Go $want or newer: https://go.dev/dl/"
  have=$(cd "$module_dir" && go env GOVERSION 2>&1) || fail "Go $want or newer is needed: $have"
  have=${have#go}
  [[ $(printf '%s\n' "$want" "$have" | sort --version-sort | head -n 1) == "$want" ]] ||
    fail "Go $want or newer is needed, found $have; install it: https://go.dev/dl/"
}

check_space() {
  local cache free_kib
  cache=$(go env GOCACHE)
  mkdir -p "$cache"
  free_kib=$(df --output=avail -k "$cache" | tail -n 1)
  ((free_kib >= need_gib * 1024 * 1024)) ||
    fail "$((free_kib / 1024 / 1024)) GiB are free at $cache, a first build needs about $need_gib GiB; free some, set GOCACHE to another disk, or set EVENTS_BUILD_NEED_GIB lower if the cache is warm"
}

# build NAME FILE
build() {
  local flags=("${build_flags[@]}" -ldflags "$(ldflags)" -o "$2")
  case $1 in
    etcd) go build "${flags[@]}" go.etcd.io/etcd/server/v3 ;;
    e2e.test) go test -c "${flags[@]}" k8s.io/kubernetes/test/e2e ;;
    *) go build "${flags[@]}" "k8s.io/kubernetes/cmd/$1" ;;
  esac
}

missing() {
  local name
  for name in "$@"; do
    [[ -x $dir/$name ]] || return 0
  done
  return 1
}

# lock allows one build at a time in the directory. go does not inherit file
# descriptor 9; otherwise a go that outlives a killed build.sh would keep the lock.
lock() {
  exec 9>"$dir/.lock"
  flock --nonblock 9 && return
  echo "Waiting for another build in $dir."
  flock 9
}

build_all() {
  local number=0 name begin log
  echo "Building into $dir, once per machine and version; a first build takes some minutes."
  for name in "$@"; do
    number=$((number + 1))
    printf '[%d/%d] %s %s ... ' "$number" "$#" "$name" "$(version_of "$name")"
    if [[ -x $dir/$name ]]; then
      echo "already built"
      continue
    fi
    begin=$SECONDS log=$dir/.$name.log
    if ! (cd "$module_dir" && CGO_ENABLED=0 build "$name" "$dir/.new.$name") >"$log" 2>&1 9>&-; then
      echo "failed"
      tail -n 20 "$log" >&2
      fail "building $name failed; see $log for the complete output"
    fi
    # An atomic rename: a killed build leaves no incomplete program.
    mv "$dir/.new.$name" "$dir/$name"
    rm -f "$log"
    echo "$((SECONDS - begin))s"
  done
}

kubernetes_version=$(required k8s.io/kubernetes)
etcd_version=$(required go.etcd.io/etcd/server/v3)
dir=$(tools_dir)
readonly kubernetes_version etcd_version dir

programs=()
for arg in "$@"; do
  case $arg in
    -h | --help) usage && exit ;;
    --print-dir) echo "$dir" && exit ;;
    -*) fail "unknown flag $arg; see hack/cluster/build.sh --help" ;;
    *) known "$arg" || fail "unknown program $arg; one of: ${default_programs[*]} e2e.test" ;;
  esac
  programs+=("$arg")
done
((${#programs[@]})) || programs=("${default_programs[@]}")

if ! missing "${programs[@]}"; then
  echo "already built: ${programs[*]} (in $dir)"
  exit
fi
check_go
check_space
mkdir -p "$dir"
lock
rm -f "$dir"/.new.*
trap 'rm -f "$dir"/.new.*' EXIT
build_all "${programs[@]}"

#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints the linker flags that set the version of the binary, for the Dockerfile and for build.sh. VERSION, COMMIT and TREE_STATE are
# taken from the environment if set, otherwise from git, and otherwise are unknown.

set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat << 'EOF'
Prints the linker flags that set the version of the binary.

Usage:
  hack/image/ldflags.sh [--version]

  --version   print only the version

Examples:
  go build -ldflags "$(hack/image/ldflags.sh)" ./cmd/events-apiserver
  VERSION=v0.1.0 hack/image/ldflags.sh
EOF
  exit 0
fi

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A build in a container has no .git.
in_git() {
  git rev-parse --git-dir > /dev/null 2>&1
}

commit=${COMMIT:-}
if [[ -z $commit ]] && in_git; then
  commit=$(git rev-parse --verify --quiet HEAD || true)
fi
tree_state=${TREE_STATE:-}
if [[ -z $tree_state ]] && in_git; then
  tree_state=clean
  if [[ -n $(git status --porcelain) ]]; then tree_state=dirty; fi
fi
version=${VERSION:-}
if [[ -z $version ]] && in_git; then
  version=$(git describe --tags --match 'v[0-9]*' --dirty 2> /dev/null || true)
fi
if [[ -z $version ]]; then
  # The "g" is as in git describe: an identifier of a semantic version must not be a number with a leading zero.
  version=v0.0.0-${commit:+g${commit:0:12}}
  [[ $version != v0.0.0- ]] || version=v0.0.0-unknown
fi

# It must be a semantic version, because it is compared and used in image tags.
if [[ ! $version =~ ^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)([-+][0-9A-Za-z.+-]+)?$ ]]; then
  echo "VERSION is '$version': it must be a semantic version with a v, like v0.1.0 or v0.1.0-rc.1" >&2
  exit 1
fi

if [[ ${1:-} == --version ]]; then
  echo "$version"
  exit 0
fi
# Not k8s.io/component-base/version; see pkg/version for the reason.
package=github.com/events-apiserver/events-apiserver/pkg/version
echo "-s -w" \
  "-X $package.gitVersion=$version" \
  "-X $package.gitCommit=${commit:-unknown}" \
  "-X $package.gitTreeState=${tree_state:-unknown}"

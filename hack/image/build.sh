#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Builds the image with the Go of this machine and with docker or buildah. It pulls no images, so it works without a registry.

set -euo pipefail

if [[ ${1:-} == --help ]]; then
  cat << 'EOF'
Builds the events-apiserver image with docker or buildah. Pulls no images.

Usage:
  hack/image/build.sh [--help]

Environment:
  IMAGE     name and tag of the image   (default: events-apiserver:VERSION)
  VERSION   a semantic version, v0.1.0  (default: from git)
  BUILDER   docker or buildah           (default: docker if its daemon runs, otherwise buildah)
  GOARCH    architecture of the image   (default: this machine's)

Examples:
  hack/image/build.sh
  VERSION=v0.1.0 IMAGE=registry.example.com/events-apiserver:v0.1.0 hack/image/build.sh
EOF
  exit 0
fi
if (($# > 0)); then
  echo "unknown argument '$1': see hack/image/build.sh --help" >&2
  exit 2
fi

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

find_builder() {
  if command -v docker > /dev/null && docker info > /dev/null 2>&1; then
    echo docker
  elif command -v buildah > /dev/null; then
    echo buildah
  else
    echo "no docker with a running daemon and no buildah: start docker, or install buildah (Debian: apt-get install buildah)" >&2
    return 1
  fi
}

builder=${BUILDER:-}
[[ -n $builder ]] || builder=$(find_builder)
case $builder in
  docker) build=(docker build) ;;
  # Every runtime and registry accepts this format, including Docker.
  buildah) build=(buildah build --format oci) ;;
  *)
    echo "BUILDER is '$builder': it must be docker or buildah" >&2
    exit 2
    ;;
esac

export VERSION COMMIT
VERSION=$(hack/image/ldflags.sh --version)
COMMIT=${COMMIT:-$(git rev-parse --verify --quiet HEAD || echo unknown)}
# Tags must not contain the + of a semantic version.
image=${IMAGE:-events-apiserver:${VERSION//+/-}}
arch=${GOARCH:-$(go env GOARCH)}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

echo "Building events-apiserver $VERSION for linux/$arch ..."
CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -ldflags "$(hack/image/ldflags.sh)" \
  -o "$context/events-apiserver" ./cmd/events-apiserver
# Independent of the umask: the user of the image is not the owner of the file.
chmod 0755 "$context/events-apiserver"

echo "Building $image with $builder ..."
"${build[@]}" --file Dockerfile --target prebuilt --platform "linux/$arch" \
  --build-arg "VERSION=$VERSION" --build-arg "COMMIT=$COMMIT" --tag "$image" "$context"

echo "Built $image. Push it to a registry that your nodes can pull from: $builder push $image"

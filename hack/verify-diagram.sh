#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that the pictures in the docs are up to date with hack/diagram.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pictures=docs/images
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

go run ./hack/diagram --dir="$scratch"
if ! diff -ru "$pictures" "$scratch"; then
  echo "FAIL diagram: $pictures is not up to date with hack/diagram. Run: make update"
  exit 1
fi
echo "ok diagram (${SECONDS}s)"

#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that the picture in the docs is what hack/diagram draws.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

picture=docs/images/data-path.svg
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

go run ./hack/diagram --output="$scratch/data-path.svg"
if ! diff -u "$picture" "$scratch/data-path.svg"; then
  echo "FAIL diagram: $picture is not what hack/diagram draws. Run: make update"
  exit 1
fi
echo "ok diagram (${SECONDS}s)"

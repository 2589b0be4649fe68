#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that the generated files are up to date, by running hack/update-codegen.sh
# in a copy. Finds changed, missing and superfluous files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch"/{tree,before,after}

hack/list-sources.sh | xargs --delimiter='\n' cp --parents --target-directory="$scratch/tree"
cd "$scratch/tree"
keep_generated() { find . -name 'zz_generated.*' -exec cp --parents --target-directory="$1" {} +; }
keep_generated ../before
if ! hack/update-codegen.sh; then
  echo 'FAIL codegen: hack/update-codegen.sh failed: see above'
  exit 1
fi
keep_generated ../after

cd "$scratch"
# Missing and superfluous files are compared with an empty file.
if ! diff --recursive --new-file --unified before after >difference; then
  head --lines=100 difference
  echo 'FAIL codegen: stale files (above: - is in the tree, + is expected). Run: make update'
  sed --quiet 's|^--- before/\(\./\)\?\([^\t]*\)\t.*|  \2|p' difference
  exit 1
fi
echo "ok codegen (${SECONDS}s)"

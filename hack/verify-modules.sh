#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that go.mod and go.sum of each module are tidy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
while IFS= read -r file; do
  dir=$(dirname "$file")
  go -C "$dir" mod tidy -diff || failed+=("$dir")
done < <(hack/list-sources.sh go.mod '*/go.mod')

if ((${#failed[@]})); then
  for dir in "${failed[@]}"; do
    echo "FAIL modules: run: go -C $dir mod tidy"
  done
  exit 1
fi
echo "ok modules (${SECONDS}s)"

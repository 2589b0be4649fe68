#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs go vet on every package, with each build tag in use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tags=(e2e)

# Files with a tag that is not listed here would not be checked.
listed=$(IFS='|' && echo "${tags[*]}")
unlisted=$(hack/list-sources.sh 'cmd/*.go' 'pkg/*.go' 'test/*.go' ':!*/zz_generated.*' |
  xargs --delimiter='\n' grep --with-filename '^//go:build' |
  grep --invert-match --extended-regexp ":build ($listed)$" || true)
if [[ -n $unlisted ]]; then
  printf 'FAIL vet: add these build tags to the list in hack/verify-vet.sh:\n%s\n' "$unlisted"
  exit 1
fi

for tag in '' "${tags[@]}"; do
  if ! go vet -tags="$tag" ./...; then
    echo "FAIL vet: see above. Run: go vet -tags='$tag' ./..."
    exit 1
  fi
done
# Separate modules in subdirectories, which ./... does not include.
for dir in test/clients/controllerruntime; do
  if ! go -C "$dir" vet ./...; then
    echo "FAIL vet: see above. Run: go -C $dir vet ./..."
    exit 1
  fi
done
echo "ok vet (${SECONDS}s)"

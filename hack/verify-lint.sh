#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs golangci-lint, in the version of hack/tools/go.mod, with the rules of
# .golangci.yml. The first run on a machine builds it, which takes some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

top=$PWD
lint=(go tool -modfile="$top/hack/tools/go.mod" golangci-lint)
# The second one is a separate module, which ./... does not include.
for dir in . test/clients/controllerruntime; do
  if ! (cd "$dir" && "${lint[@]}" run --config="$top/.golangci.yml" --allow-parallel-runners ./...); then
    echo "FAIL lint: see above, in $dir. To fix some findings automatically, run: go tool -modfile=hack/tools/go.mod golangci-lint run --fix ./..."
    exit 1
  fi
done
echo "ok lint (${SECONDS}s)"

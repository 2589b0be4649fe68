#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs golangci-lint, built from the version in hack/tools/go.mod, with the rules
# of .golangci.yml. The first run on a machine builds it, which takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lint=(go tool -modfile=hack/tools/go.mod golangci-lint)
if ! "${lint[@]}" run --allow-parallel-runners ./...; then
  echo "FAIL lint: see above. For what can be corrected by itself run: ${lint[*]} run --fix ./..."
  exit 1
fi
echo "ok lint (${SECONDS}s)"

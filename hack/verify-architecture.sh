#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks who imports whom, package names and package comments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! output=$(go test ./test/architecture 2>&1); then
  printf '%s\nFAIL architecture: correct the import, or change test/architecture/rules.go and docs/architecture.md with the reason\n' "$output"
  exit 1
fi
echo "ok architecture (${SECONDS}s)"

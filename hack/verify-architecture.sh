#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks the imports between packages, package names and package comments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! output=$(go test ./test/architecture 2>&1); then
  printf '%s\nFAIL architecture: fix the import, or change test/architecture/rules.go and docs/architecture.md and give the reason\n' "$output"
  exit 1
fi
echo "ok architecture (${SECONDS}s)"

#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that all Go files are formatted with gofmt, also in nested modules.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(hack/list-sources.sh '*.go')
if ! unformatted=$(gofmt -l "${files[@]}"); then
  echo 'FAIL format: gofmt cannot read a file: see above'
  exit 1
fi
if [[ -n $unformatted ]]; then
  printf 'FAIL format: not formatted:\n%s\nRun: gofmt -w %s\n' "$unformatted" "${unformatted//$'\n'/ }"
  exit 1
fi
echo "ok format (${SECONDS}s)"

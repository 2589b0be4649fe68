#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Tests verify-codegen.sh: it must accept a copy of the tree, and reject the copy
# when a file in it is stale.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
hack/list-sources.sh | xargs --delimiter='\n' cp --parents --target-directory="$scratch"
cd "$scratch"
git init --quiet

# expect_stale fails unless the check fails and its output names each file.
expect_stale() {
  local what=$1 file output
  shift
  if output=$(hack/verify-codegen.sh 2>&1); then
    echo "FAIL codegen-selftest: verify-codegen.sh accepted $what"
    exit 1
  fi
  for file in "$@"; do
    if [[ $output != *"$file"* ]]; then
      printf '%s\nFAIL codegen-selftest: verify-codegen.sh found %s but did not name %s\n' "$output" "$what" "$file"
      exit 1
    fi
  done
}

hub=pkg/apis/events
changed=$hub/zz_generated.deepcopy.go
missing=$hub/v1/zz_generated.conversion.go
superfluous=$hub/validation/zz_generated.deepcopy.go
mkdir kept
cp "$changed" "$hub/types.go" kept
mv "$missing" kept
echo '// changed by hand' >>"$changed"
cp "$changed" "$superfluous"
expect_stale 'a changed, a missing and a superfluous file' "$changed" "$missing" "$superfluous"
cp "kept/$(basename "$changed")" "$changed"
mv "kept/$(basename "$missing")" "$missing"
rm "$superfluous"

sed --in-place 's/^type EventSeries struct {/&\n\tAdded *string/' "$hub/types.go"
expect_stale 'a new field in types.go' "$changed"
cp kept/types.go "$hub/types.go"

rm -r kept
if ! output=$(hack/verify-codegen.sh 2>&1); then
  printf '%s\nFAIL codegen-selftest: verify-codegen.sh rejected an unchanged tree\n' "$output"
  exit 1
fi
echo "ok codegen-selftest (${SECONDS}s)"

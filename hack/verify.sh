#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs every check of hack/verify-*.sh, goes on after a failure, and says at the
# end which failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Quick ones first, so that the commonest mistakes show at once.
checks=(format shell repository diagram architecture manifests modules vet codegen codegen-selftest lint)

for script in hack/verify-*.sh; do
  name=${script#hack/verify-}
  if [[ " ${checks[*]} " != *" ${name%.sh} "* ]]; then
    echo "FAIL verify: $script is not in the list of hack/verify.sh, so nothing runs it"
    exit 1
  fi
done

failed=()
for check in "${checks[@]}"; do
  "hack/verify-$check.sh" </dev/null || failed+=("$check")
done

if ((${#failed[@]})); then
  echo "verify: failed: ${failed[*]} (one alone: hack/verify-NAME.sh)"
  exit 1
fi
echo "verify: all ${#checks[@]} checks passed (${SECONDS}s)"

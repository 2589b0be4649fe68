#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs every check of hack/verify-*.sh, continues after a failure, and lists the
# failed ones at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Fast checks first, so that the most common mistakes are reported early.
checks=(format words shell repository diagram architecture manifests modules vet codegen codegen-selftest lint)

for script in hack/verify-*.sh; do
  name=${script#hack/verify-}
  if [[ " ${checks[*]} " != *" ${name%.sh} "* ]]; then
    echo "FAIL verify: $script is missing in the list of hack/verify.sh"
    exit 1
  fi
done

failed=()
for check in "${checks[@]}"; do
  "hack/verify-$check.sh" </dev/null || failed+=("$check")
done

if ((${#failed[@]})); then
  echo "verify: failed: ${failed[*]} (run one of them with hack/verify-NAME.sh)"
  exit 1
fi
echo "verify: all ${#checks[@]} checks passed (${SECONDS}s)"

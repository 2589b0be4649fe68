#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that every shell script parses, stops on errors, and is executable.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
fail() {
  echo "FAIL shell: $1"
  failed=1
}

while IFS= read -r script; do
  bash -n "$script" || fail "$script does not parse: see above"
  grep --quiet --line-regexp --extended-regexp 'set -E?euo pipefail|set -o errexit -o nounset -o pipefail' "$script" ||
    fail "$script: add the line: set -euo pipefail"
  [[ -x $script ]] || fail "$script: run: chmod +x $script"
done < <(hack/list-sources.sh '*.sh' .ci/run)

if ((failed)); then exit 1; fi
echo "ok shell (${SECONDS}s)"

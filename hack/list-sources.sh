#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints the files that are or would be committed, one a line: tracked ones and
# new ones that are not ignored. So a check says the same before and after the
# commit. Arguments are git pathspecs, such as '*.go'.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

git ls-files --cached --others --exclude-standard -- "$@" | sort --unique |
  while IFS= read -r file; do
    # A file that is tracked but deleted is still listed by git.
    if [[ -f $file ]]; then echo "$file"; fi
  done

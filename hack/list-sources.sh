#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints the files that are or would be committed, one per line: tracked files and
# new files that are not ignored. Checks therefore give the same result before and
# after the commit. Arguments are git pathspecs, such as '*.go'.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

git ls-files --cached --others --exclude-standard -- "$@" | sort --unique |
  while IFS= read -r file; do
    # git also lists tracked files that are deleted.
    if [[ -f $file ]]; then echo "$file"; fi
  done

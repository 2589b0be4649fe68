#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks that code and documents use the terms of docs/glossary.md: prints each
# line with a word of hack/words.tsv, and the term that takes its place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The glossary and the changelog name earlier words on purpose.
mapfile -t files < <(hack/list-sources.sh | grep --extended-regexp --invert-match \
  '^(CHANGELOG\.md|docs/glossary\.md|hack/words\.tsv|LICENSE)$|(^|/)(testdata/|zz_generated|go\.sum$)')

failed=0
words=0
while IFS=$'\t' read -r expression term; do
  [[ -n $expression && $expression != \#* ]] || continue
  words=$((words + 1))
  # grep ends with 1 where it finds nothing, and with 2 where the expression is wrong.
  found=$(grep --perl-regexp --line-number --with-filename -e "$expression" -- "${files[@]}") || (($? == 1))
  [[ -n $found ]] || continue
  failed=1
  sed "s|^|FAIL words: use \"$term\": |" <<<"$found"
done <hack/words.tsv

if ((words == 0)); then
  echo "FAIL words: hack/words.tsv has no words"
  exit 1
fi
if ((failed)); then exit 1; fi
echo "ok words (${SECONDS}s)"

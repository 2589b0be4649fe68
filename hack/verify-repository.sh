#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Checks the files of the repository: license headers, no binary or large files,
# and no paths of a developer's machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
fail() {
  echo "FAIL repository: $1"
  failed=1
}

mapfile -t boilerplate < <(grep . hack/boilerplate.go.txt)
go_header=$(printf '%s\n' "${boilerplate[@]}")
shell_header=$(printf '%s\n' '#!/usr/bin/env bash' "${boilerplate[@]/#\/\//#}")

check_header() {
  local file=$1 header=$2 start
  start=$(head --lines="$(wc --lines <<<"$header")" "$file")
  [[ $start == "$header" ]] || fail "$file: must start with the lines: ${header//$'\n'/ | }"
}

# The brackets prevent the expressions from matching themselves.
machine_paths='(^|[^[:alnum:]_.~-])[/](home|root|work)/'
download_hosts='(proxy|sum)[.]golang[.]org|[g]oproxy[.](io|cn)|[d]eb[.]debian[.]org|[r]egistry[.]npmjs[.]org'
limit_bytes=$((1024 * 1024))

while IFS= read -r file; do
  case $file in
    */zz_generated.* | go.sum | */go.sum) generated=1 ;;
    *) generated=0 ;;
  esac
  if ((!generated)) && (($(stat --format=%s "$file") > limit_bytes)); then
    fail "$file: larger than 1 MiB; generate it in the build or the test instead"
  fi
  if [[ -s $file && $file != */testdata/* ]] && ! grep --binary-files=without-match --quiet '' "$file"; then
    fail "$file: a binary file; commit its source instead"
    continue
  fi
  if found=$(grep --extended-regexp --line-number --max-count=3 "$machine_paths" "$file"); then
    fail "$file: a path of a developer's machine: $found"
  fi
  if found=$(grep --extended-regexp --line-number --max-count=3 "$download_hosts" "$file"); then
    fail "$file: a download host; this is configured in the environment: $found"
  fi
  case $file in
    */zz_generated.*.go) ;;
    *.go)
      check_header "$file" "$go_header"
      # Otherwise the header is the package comment.
      [[ -z $(sed --quiet 3p "$file") ]] || fail "$file: the line after the header must be empty"
      ;;
    *.sh | .ci/run) check_header "$file" "$shell_header" ;;
  esac
done < <(hack/list-sources.sh)

if ((failed)); then exit 1; fi
echo "ok repository (${SECONDS}s)"

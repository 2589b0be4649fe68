#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Regenerates all generated Go files. The tags in the doc.go of a package determine
# what is generated for it; this script has the packages and all other arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module=$(go list -m)
header=(--go-header-file=hack/boilerplate.go.txt)
openapi=pkg/generated/openapi

# Delete first, so that files of removed tags do not remain.
find pkg -name 'zz_generated.*.go' -delete

go tool deepcopy-gen "${header[@]}" --output-file=zz_generated.deepcopy.go \
  "$module/pkg/apis/events"

go tool defaulter-gen "${header[@]}" --output-file=zz_generated.defaults.go \
  "$module/pkg/apis/events/v1"

go tool conversion-gen "${header[@]}" --output-file=zz_generated.conversion.go \
  "$module/pkg/apis/events/v1" "$module/pkg/apis/events/v1beta1"

# core/v1 separately: it has types that are also read from a URL, such as pod
# options. With the usual peers the generator also writes conversions for those, and
# for List twice with the same name. Without the peers it reports that it cannot
# write them, but registers them; these lines are removed below. So are lines that
# copy the kind, which is not part of the internal form: the peers would prevent them.
conversions=pkg/apis/events/corev1/zz_generated.conversion.go
go tool conversion-gen "${header[@]}" --output-file="$(basename "$conversions")" \
  --base-peer-dirs=k8s.io/apimachinery/pkg/conversion \
  "$module/pkg/apis/events/corev1" \
  2> >(grep --invert-match 'Unrecognized type in package net/url: Values' >&2)
sed -i -e '/AddGeneratedConversionFunc((\*url\.Values)/,/^\t}$/d' -e '/^\turl "net\/url"$/d' \
  -e '/out\.TypeMeta = in\.TypeMeta/d' "$conversions"

# The report is discarded: it lists names in upstream packages that violate the
# rules of upstream.
mkdir -p "$openapi"
go tool openapi-gen "${header[@]}" --report-filename=/dev/null \
  --output-dir="$openapi" --output-pkg="$module/$openapi" --output-file=zz_generated.openapi.go \
  k8s.io/api/core/v1 \
  k8s.io/api/events/v1 \
  k8s.io/apimachinery/pkg/apis/meta/v1 \
  k8s.io/apimachinery/pkg/runtime \
  k8s.io/apimachinery/pkg/version
go run ./hack/openapi-prune --optional=k8s.io/api/core/v1 "$openapi/zz_generated.openapi.go"

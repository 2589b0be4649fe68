#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Writes all generated Go files anew. What a package gets is said by the tags in
# its doc.go; this script lists the packages and what the tags cannot say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module=$(go list -m)
header=(--go-header-file=hack/boilerplate.go.txt)
openapi=pkg/generated/openapi

# A file that a package no longer asks for must go, not stay and rot.
find pkg -name 'zz_generated.*.go' -delete

go tool deepcopy-gen "${header[@]}" --output-file=zz_generated.deepcopy.go \
  "$module/pkg/apis/events"

go tool defaulter-gen "${header[@]}" --output-file=zz_generated.defaults.go \
  "$module/pkg/apis/events/v1"

go tool conversion-gen "${header[@]}" --output-file=zz_generated.conversion.go \
  "$module/pkg/apis/events/v1" "$module/pkg/apis/events/v1beta1"

# core/v1 apart: it has types that are also read from a URL, such as pod options.
# With the usual peers the generator writes conversions for those too, and for
# List twice under one name. Without the peers it complains that it cannot write
# them, yet registers them; the lines that do so are taken out. So are those that
# copy the kind, which belongs to the wire: the peers would have kept it out.
conversions=pkg/apis/events/corev1/zz_generated.conversion.go
go tool conversion-gen "${header[@]}" --output-file="$(basename "$conversions")" \
  --base-peer-dirs=k8s.io/apimachinery/pkg/conversion \
  "$module/pkg/apis/events/corev1" \
  2> >(grep --invert-match 'Unrecognized type in package net/url: Values' >&2)
sed -i -e '/AddGeneratedConversionFunc((\*url\.Values)/,/^\t}$/d' -e '/^\turl "net\/url"$/d' \
  -e '/out\.TypeMeta = in\.TypeMeta/d' "$conversions"

# The report is discarded: it lists names in upstream's packages that break
# upstream's own rules.
mkdir -p "$openapi"
go tool openapi-gen "${header[@]}" --report-filename=/dev/null \
  --output-dir="$openapi" --output-pkg="$module/$openapi" --output-file=zz_generated.openapi.go \
  k8s.io/api/core/v1 \
  k8s.io/api/events/v1 \
  k8s.io/apimachinery/pkg/apis/meta/v1 \
  k8s.io/apimachinery/pkg/runtime \
  k8s.io/apimachinery/pkg/version
go run ./hack/openapi-prune --optional=k8s.io/api/core/v1 "$openapi/zz_generated.openapi.go"

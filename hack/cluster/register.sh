#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

set -o errexit -o nounset -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec go run ./test/cluster/localcluster register "$@"

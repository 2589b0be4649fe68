#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Renders every overlay of artifacts/ with kustomize and checks the result; no cluster is needed.
# Also compares versions that have to be written down a second time with the place that decides them.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r artifacts "$scratch/artifacts"
overlays=$scratch/artifacts/overlays

kustomize() {
  go tool -modfile=hack/tools/go.mod kustomize "$@"
}

# Stands in for the files that an operator makes. Long enough for kustomize to fold its base64 over several lines.
throwaway_pem() {
  local line i
  line=$(printf 'made for a test%.0s' 1 2 3 | base64 | tr -d '=\n')
  printf -- '-----BEGIN %s-----\n' "$1"
  for i in 1 2 3 4 5 6 7 8; do printf '%s\n' "${line:0:60}"; done
  printf -- '-----END %s-----\n' "$1"
}
for certs in "$overlays/default/certs" "$overlays/local/certs"; do
  rm -f "$certs"/*.crt "$certs"/*.key
  throwaway_pem CERTIFICATE > "$certs/ca.crt"
  throwaway_pem CERTIFICATE > "$certs/tls.crt"
  throwaway_pem 'PRIVATE KEY' > "$certs/tls.key"
done

# No overlay in the repository uses this component, so one is made here.
mkdir "$overlays/high-availability"
cat > "$overlays/high-availability/kustomization.yaml" << 'EOF'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../default]
components: [../../components/high-availability]
EOF

# A file of its own for the server that starts before it is registered.
kustomize build "$scratch/artifacts/base/access" > /dev/null

rendered=()
for overlay in "$overlays"/*/; do
  name=$(basename "$overlay")
  kustomize build "$overlay" > "$scratch/$name.yaml"
  rendered+=("$scratch/$name.yaml")
done
go run ./artifacts/check "${rendered[@]}"

same() { # WHAT FILE GOT WANT DECIDED-BY
  if [[ $3 != "$4" ]]; then
    echo "$2: $1 is '$3', but $5 says '$4': make them the same" >&2
    exit 1
  fi
}
same 'the etcd image' artifacts/components/images/kustomization.yaml \
  "$(sed -n '/name: etcd$/,$ s/^ *newTag: *//p' artifacts/components/images/kustomization.yaml)" \
  "$(sed -n 's|^[[:space:]]*go.etcd.io/etcd/server/v3 \([^ ]*\).*|\1|p' hack/cluster/go.mod)" hack/cluster/go.mod
same 'the Go version' Dockerfile \
  "$(sed -n 's/^ARG GO_IMAGE=golang:\([0-9]*\.[0-9]*\).*/\1/p' Dockerfile)" \
  "$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)" go.mod

echo "ok manifests ($((SECONDS - started))s)"

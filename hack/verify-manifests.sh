#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Renders every overlay of artifacts/ with kustomize and checks the result; no cluster is needed.
# Also compares versions that are repeated in other files with the file that defines them.

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

# Replaces the files that an operator creates. Long enough for kustomize to fold its base64 over several lines.
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

# Must also render separately, for a server that starts before its registration.
kustomize build "$scratch/artifacts/base/access" > /dev/null

rendered=()
render() { # OVERLAY
  kustomize build "$overlays/$1" > "$scratch/$1.yaml"
  rendered+=("$scratch/$1.yaml")
}
for overlay in "$overlays"/*/; do
  render "$(basename "$overlay")"
done

# The repository has no overlay for an existing etcd, so create one as described in docs/install.md.
sed -i 's|etcd-servers=$|etcd-servers=https://etcd-0.example.com:2379|' "$scratch/artifacts/components/etcd-store/kustomization.yaml"
mkdir "$overlays/own-etcd"
sed -e '/components.etcd$/d' -e 's|/default$|/cert-manager|' "$overlays/etcd/kustomization.yaml" > "$overlays/own-etcd/kustomization.yaml"
render own-etcd
if ! grep -q 'etcd-servers: https://etcd-0.example.com' "$scratch/own-etcd.yaml" || grep -q events-apiserver-etcd "$scratch/own-etcd.yaml"; then
  echo "artifacts/overlays/etcd: without the component etcd it must use only the etcd-servers of etcd-store" >&2
  exit 1
fi
go run ./artifacts/check "${rendered[@]}"

# The host-network component, added as described in docs/install.md. It needs what the check forbids, so it is checked here.
mkdir "$overlays/host-network"
cat > "$overlays/host-network/kustomization.yaml" <<'END'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../default]
components: [../../components/host-network]
END
kustomize build "$overlays/host-network" > "$scratch/host-network.yaml"
for want in 'hostNetwork: true' 'dnsPolicy: ClusterFirstWithHostNet' '- --secure-port=10350' 'containerPort: 10350' 'enforce: privileged' \
  'targetPort: 10350' 'port: https'; do
  if ! grep -q -e "$want" "$scratch/host-network.yaml"; then
    echo "artifacts/components/host-network: rendered with overlays/default, '$want' is missing" >&2
    exit 1
  fi
done

same() { # WHAT FILE GOT WANT DEFINED-IN
  if [[ $3 != "$4" ]]; then
    echo "$2: $1 is '$3', but '$4' in $5: make them the same" >&2
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

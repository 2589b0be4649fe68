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

# A file of its own for the server that starts before it is registered.
kustomize build "$scratch/artifacts/base/access" > /dev/null

rendered=()
render() { # OVERLAY
  kustomize build "$overlays/$1" > "$scratch/$1.yaml"
  rendered+=("$scratch/$1.yaml")
}
for overlay in "$overlays"/*/; do
  render "$(basename "$overlay")"
done

# No overlay in the repository is for an etcd that is there already, so one is made as docs/install.md says.
sed -i 's|etcd-servers=$|etcd-servers=https://etcd-0.example.com:2379|' "$scratch/artifacts/components/etcd-store/kustomization.yaml"
mkdir "$overlays/own-etcd"
sed -e '/components.etcd$/d' -e 's|/default$|/cert-manager|' "$overlays/etcd/kustomization.yaml" > "$overlays/own-etcd/kustomization.yaml"
render own-etcd
if ! grep -q 'etcd-servers: https://etcd-0.example.com' "$scratch/own-etcd.yaml" || grep -q events-apiserver-etcd "$scratch/own-etcd.yaml"; then
  echo "artifacts/overlays/etcd: without the component etcd it does not use the etcd-servers of etcd-store alone" >&2
  exit 1
fi
go run ./artifacts/check "${rendered[@]}"

# The component for the node's network, added as docs/install.md says. It needs what the check forbids, so it is looked at here.
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
    echo "artifacts/components/host-network: rendered onto overlays/default, it has no '$want'" >&2
    exit 1
  fi
done

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

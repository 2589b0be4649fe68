// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command check reads the rendered manifests of a complete installation, and reports what would not work or would not be secure.
//
// It finds, without a cluster: unknown fields, references to missing objects, a registration that kube-apiserver would undo or could
// not verify, containers that the restricted pod security profile would refuse, and a server that could not open its store or would
// lose it.
// It does not depend on kustomize and does not run it; hack/verify-manifests.sh does.
package main

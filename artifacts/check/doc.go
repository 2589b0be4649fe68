// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command check reads manifests as kustomize renders them for a whole installation, and says what in them would not work or would
// not be safe.
//
// It finds, without a cluster: fields that their type does not have, names that lead nowhere, a registration that
// kube-apiserver would take back or could not verify, containers that the restricted pod security profile would refuse, and a server
// that could not have its store or would lose it.
// It knows nothing of kustomize and does not run it; hack/verify-manifests.sh does.
package main

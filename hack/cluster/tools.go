// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package cluster pins, in a separate Go module, the programs of the local control
// plane. The blank imports prevent `go mod tidy` from removing what
// `hack/cluster/build.sh` builds; nothing here is linked into events-apiserver, so
// k8s.io/kubernetes is not in the main go.mod.
package cluster

import (
	_ "go.etcd.io/etcd/server/v3"

	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/test/e2e"
)

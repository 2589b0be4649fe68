// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package cluster pins, in a Go module of its own, the programs that make up
// the local control plane. The blank imports keep `go mod tidy` from dropping
// what `hack/cluster/build.sh` builds; nothing here is linked into
// events-apiserver, so k8s.io/kubernetes stays out of the main go.mod.
package cluster

import (
	_ "go.etcd.io/etcd/server/v3"

	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/test/e2e"
)

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a real Kubernetes control plane on loopback: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and, when asked,
// events-apiserver as a plain process beside them, with an etcd of its own if
// that is to be its store.
//
// It promises that each component can be stopped, killed and restarted on its own, that several
// clusters can run in one process because they share nothing, that a later process can use a
// running cluster with Open, and that it never signals a process that it did not start itself.
//
// It must not know how events-apiserver works inside: only its binary, its flags, its /readyz
// and the manifests in artifacts/.
package cluster

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the embedded store beside the generic etcd3 store of
// k8s.io/apiserver, on one machine in one run, and prints what it found as a
// table: absolute figures, the ratio of the two, and the figure to reach.
//
// Both are driven through storage.Interface, as the server assembles it, with
// the same made-up events. Each measurement is a process of its own, so that
// memory and processor time are those of the store and of the load alone; the
// making of the load is measured too and told. What needs a server, its memory
// and how soon it is ready, is measured with the real one.
//
// What the bridge to the host costs is measured with the server beside a real
// control plane: how soon it has what the host has, and what a mirrored create
// takes.
//
// It promises that a figure it prints was measured in this run. It must not
// know how a store works inside.
package main

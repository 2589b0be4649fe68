// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the embedded store beside the generic etcd3 store of
// k8s.io/apiserver, on one machine in one run, and prints what it found as a
// table: absolute figures, their ratio, and the target.
//
// Both are driven through storage.Interface, as the server assembles it, with
// the same generated events. Each measurement is a process of its own, so that
// memory and processor time are those of the store and of the load only; the cost of making
// the load is measured and reported, too. Memory and start time of the server are measured
// with the real one.
//
// The bridge to the host is measured with a real control plane: how soon the server has
// ingested the host's events, and how long a mirrored create takes.
//
// It promises that each figure that it prints was measured in this run. It must not know how a
// store works inside.
package main

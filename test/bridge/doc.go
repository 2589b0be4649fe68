// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bridge proves that a cluster with events-apiserver in it has one set
// of events: what is written through core/v1, which kube-apiserver serves, is
// seen through events.k8s.io/v1, which events-apiserver serves, and the other
// way round, as on a plain cluster, where one server does both.
//
// It works from the outside alone, with a plain cluster as the oracle: the same
// script goes to all clusters, and after every step both views must be equal
// everywhere. It must know nothing of how the bridge works; the one place where
// it reaches in between is the way from events-apiserver to kube-apiserver,
// where it holds answers back and loses them.
//
// Its tests have the build tag e2e and need the programs of hack/cluster. They run
// in the clusters of test/e2e, which calls them; only expiry needs its own.
// BRIDGE_SEED repeats the made-up scripts of a run. BRIDGE_HOST_EVENTS=off runs
// events-apiserver without its bridge: each test must then fail.
// BRIDGE_HOST_EVENTS=built-in puts plain clusters in the place of ours, for
// whoever writes a script.
package bridge

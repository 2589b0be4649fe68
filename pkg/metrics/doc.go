// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics tells Prometheus about an embedded store.
//
// It promises that each store has figures of its own, also with several in one
// process, and that a scrape costs no scan: what is counted is counted while it
// happens, and the rest is looked up in a few places. Figures of the same
// meaning that k8s.io/apiserver has for etcd are kept as well, under their names
// there, so that the dashboards for those work. All names are in
// docs/metrics.md, which a test compares with a running server.
//
// It must not decide anything: it counts what engine and storage tell it.
package metrics

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics has all Prometheus metrics of the server that are not the generic
// ones of k8s.io/apiserver, and the registry and handler that serve them.
//
// It promises that each server has metrics of its own, also with several in one
// process, and that a scrape costs no scan: what can be counted is counted while it
// happens, and the rest is read in a few places. Metrics of the same meaning that
// k8s.io/apiserver has for etcd are kept as well, under their names there, so that
// the dashboards for those work. All names are in docs/metrics.md, which a test
// compares with a running server.
//
// It must not decide anything: it counts what engine and storage report.
package metrics

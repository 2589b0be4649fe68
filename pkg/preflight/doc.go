// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preflight checks a cluster for reasons why events-apiserver would behave differently
// from kube-apiserver: rights that its account lacks, admission policies and webhooks that are
// evaluated for its account, limits that its account exceeds, and resource versions that would
// decrease.
//
// It promises to change nothing in the cluster unless Options request it, to make a bounded
// number of requests, and to go on after a check that cannot be made. It must not know the
// server, so that it can run before the server is installed.
package preflight

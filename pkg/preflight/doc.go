// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preflight looks at a cluster for what would make events-apiserver answer
// otherwise than kube-apiserver does: rights that its account lacks, policies and
// webhooks that are asked about its account, limits that its account runs into,
// resource versions that are out of order.
//
// It promises to change nothing in the cluster unless Options ask for it, to make
// a bounded number of requests, and to go on with the other checks when one cannot
// be made. It must not know the server, so that it can be run before there is one.
package preflight

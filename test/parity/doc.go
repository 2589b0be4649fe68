// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package parity proves that events-apiserver answers as kube-apiserver answers:
// it sends the same requests to both and compares what comes back.
//
// The requests are data, in testdata/. It promises that nothing is masked but
// what two servers cannot have in common (uids, resource versions, the present
// time, generated names), that a relation between masked values is still
// compared, and that a difference which is wanted is written down, with its
// reason, in testdata/differences.yaml and nowhere else.
//
// The test needs two clusters and has the build tag e2e. Its environment:
//
//	PARITY_STORE     the store of events-apiserver: embedded (as if empty) or etcd
//	PARITY_FUZZ      how long, or with how many cases, to make up requests: 10m, 500, 0
//	PARITY_SEED      the seed of those, as an earlier run printed it
//	PARITY_CLUSTERS  a directory in which the clusters are left running for the next
//	                 run; end them with go run ./test/cluster/localcluster down --dir
//	PARITY_SHOW      if set, the built-in's answers are printed
//
// It must not know what the right answer to a request is: kube-apiserver does.
package parity

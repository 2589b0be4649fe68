// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package parity checks that events-apiserver responds like kube-apiserver: it sends the same
// requests to both and compares the responses.
//
// The requests are data in testdata/. It promises that only values which two servers cannot
// share are masked (uids, resource versions, the current time, generated names), that relations
// between masked values are compared, and that each intended difference is listed with its
// reason in testdata/differences.yaml.
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
// It must not know the right response to a request: kube-apiserver defines it.
package parity

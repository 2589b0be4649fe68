// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests events-apiserver where it is meant to run: registered in a
// real cluster, through kube-apiserver's aggregator, with the real kubectl, the
// real kube-scheduler and upstream's own end-to-end test of the API.
//
// One cluster for each store, and a plain one, serve for these tests and for those
// of test/clients and test/bridge.
//
// Its tests have the build tag e2e and need the programs of hack/cluster.
package e2e

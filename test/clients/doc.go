// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clients tests events-apiserver with the programs and libraries that
// people use to work with events: kubectl of the cluster's version and of
// another one, client-go's clients, informers, apply configurations and event
// recorders, and a controller-runtime manager. All go through kube-apiserver's
// aggregator in a real cluster.
//
// Its tests promise to use each client as its users do, by its public API alone.
// They have the build tag e2e, and test/e2e runs them in one of its clusters. They
// must not know how events-apiserver works inside, and leave the details of its
// answers to test/integration and test/e2e.
package clients

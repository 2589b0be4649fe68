// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostevents tests that the server registered in a real control plane
// and the core/v1 events of its kube-apiserver are one set, whoever writes
// through either.
//
// It needs the programs of hack/cluster/build.sh and bin/events-apiserver, and
// the build tag e2e.
package hostevents

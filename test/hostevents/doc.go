// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostevents tests the server on hosts that refuse events: with admission
// policies and webhooks for either group, which must decide as they do on a plain
// cluster, and with limits of the rate of events. That both APIs show one set of
// events is proven in test/bridge.
//
// It needs the programs of hack/cluster/build.sh and bin/events-apiserver, and
// the build tag e2e.
package hostevents

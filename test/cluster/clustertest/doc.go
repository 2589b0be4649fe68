// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clustertest starts clusters of package cluster for tests, in which
// events-apiserver is registered.
//
// It promises that what it has started is stopped when the test ends, and that a
// test that failed shows what the server has logged; E2E_LOGS names a directory
// for all logs of such a test. It must not know what is tested.
package clustertest

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testserver runs events-apiserver inside a test, standalone, on the
// embedded store or on a real etcd that the test starts.
//
// It promises that what it starts has ended when the test has, and that
// servers of different tests share nothing. It must not be used outside tests.
package testserver

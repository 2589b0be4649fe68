// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration tests the whole server, in process, on the
// embedded store and on a real etcd, through the clients that users have:
// client-go's typed client and informers.
package integration

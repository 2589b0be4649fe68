// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storeadmin lets commands on the same machine ask a running server for
// what only it can do with its data directory, since it holds the lock: a
// snapshot, a compaction, an export, an import, a rewrite of all events. They speak
// HTTP over a socket in that directory.
//
// It promises that only those reach the socket who may write to the directory's
// files: it has mode 0600. So there is nothing to authenticate. It must not know
// how the store does what it is asked for; see Store.
package storeadmin

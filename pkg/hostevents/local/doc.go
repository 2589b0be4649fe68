// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package local is what the bridge to the host cluster has in the server's own
// store: the events, and the outbox with what must survive a restart. Both are
// over any storage.Interface.
//
// It promises that an event never changes its uid: one in the place of another is
// a deletion and a creation. It must not know which store it is, nor when the
// bridge reads and writes.
package local

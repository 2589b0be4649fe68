// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pipeline stores a stream of versioned changes with many workers.
//
// It promises that the changes of one key are stored in the order in which they
// were enqueued, each until it has succeeded, that a bounded number of them and of
// their bytes is in memory, and that the position it returns has no change before
// it that is not stored. It must not know what is stored, nor where.
package pipeline

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crash kills the real server many times while clients write to it, and compares its
// responses after each restart with a record of its own.
//
// It promises to find acknowledged writes that are lost, changed or undone, writes without an
// answer that are made in part, revisions that are used twice or decrease, lists by a field
// that differ from the filtered list of everything, watches that omit, repeat or reorder a
// change, and client caches that diverge. It cannot find a missing fsync: what a killed
// process has written stays in the page cache, and only a power failure loses it. The tests of
// pkg/engine cover that with a disk in memory.
//
// Each key is written by one writer, which knows what the key holds. Every revision is one
// change of one key, so the changes that a watch of everything delivers have no gaps, and each
// must be a write that was sent or an expiry that was due. From these changes the record
// derives the state at every revision, and compares all lists, watches and answers with it.
//
// The record (record.go, confirm.go, compare.go) is tested on its own with histories that
// contain errors. The test of the server needs bin/events-apiserver and has the build tag e2e.
// Its flags:
//
//	-crash.kills  how many times to kill the server, default 5
//	-crash.seed   the seed of all random decisions; each run prints its own
//	-crash.dir    where to keep the data, the logs and the journal
//
// The package only knows the server as a program with an API; it must not share code with it.
package crash

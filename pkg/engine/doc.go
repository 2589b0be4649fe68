// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package engine is the embedded store: byte values under byte keys in one
// directory, with a revision for every commit, on Pebble.
//
// It promises that an acknowledged write survives any crash, that revisions are
// a total order which never repeats, that a read at a revision above the compact revision
// shows what was there then, that a subscription misses nothing, and that memory
// is bounded by Config whatever the amount of data. It must not know what keys
// and values mean, nor anything of Kubernetes.
//
// # On disk
//
// The directory holds the file FORMAT with the number of the format, and db/,
// which is Pebble's. Every row there begins with a byte for its space. |
// stands for concatenation, "key." for a string whose zero bytes are escaped and
// that ends with 00 01, numbers in keys are big-endian.
//
//	k | key. | ^revision        version: flags, revision of creation, deadline,
//	                            index values, value
//	r | revision                change: flags, revisions of the version before
//	                            and of creation, key
//	i | index id | value. | key index entry, empty
//	d | deadline | revision     expiry: key
//	m | name                    a few numbers: compact revision, how far compaction got,
//	                            counters, indexes with their ids, the time of
//	                            the last use
//
// Whoever uses the engine may keep files of its own beside FORMAT; snapshots have
// them too.
//
// A value is written once, in its version; changes and index entries point
// there. Index values are kept beside the value, so that neither replacing nor
// compacting a version nor checking an index entry needs to decode it. When an
// index is added, the backfill replaces the rows of versions that are there by ones
// that have its values, under the same keys; nothing else changes a version row.
//
// # Invariants
//
// Check verifies 2 to 7; the tests call it after every crash.
//
//  1. A revision is published after the fsync of its batch, and in order. Reads,
//     the change buffer and answers to callers never show one that is not published.
//  2. All rows of a commit are in one Pebble batch.
//  3. Above the compact revision change rows follow each other without a gap. Below it,
//     down to the revision that compaction has reached, there is a gap after a
//     restore. Each change has its version and the version before it.
//  4. Every version that is not a deletion stores its values in every index that
//     is ready, and has its entries there. An entry means that some version of the
//     key has the value; a reader must look at the version it wants.
//  5. Each entry is of a value that a version stores. Entries are removed by
//     compaction only, with rowLock held, so that the writer cannot add a version
//     that relies on one meanwhile. The backfill writes values and entries of a
//     version in one batch, with compactLock held.
//  6. The newest version of a key has an expiry row if it has a deadline; no
//     other version has one.
//  7. The counters are those of all newest versions that are not deletions.
//  8. The compact revision is raised in memory before, and on disk with, the first
//     removal of something that a lower revision shows. Readers open their
//     iterators first and compare with the compact revision afterwards.
//  9. Where compaction got to is written with what it removed, and is a floor for
//     the newest revision when the directory is opened.
//  10. Each value that an index with Index.LowCardinality has an entry for is in memory, unless
//     there are too many.
//  11. The counts by Config.Separator are, once they answer, those of all keys at the
//     published revision: what is read at a moment, and each change above its
//     revision.
//  12. A key is due by the earlier and gets its deadline by the later of two times
//     while the wall clock is not where it is expected, see deadlineClock.
//  13. Format changes when an older build could not read what is written.
//
// # Beside the running engine
//
// Config.ReadOnly opens a directory without changing it, for Verify and Snapshot.
// A snapshot is a tar file of Pebble's files as they are at one moment; links in
// checkpoint-N/ keep them there as long as they are copied. Restore unpacks them
// into restore.tmp/, gives the store a revision and a compact revision that are above all
// that may have been given out before, and moves everything to its place.
//
// # Who does what
//
// One goroutine, the writer, takes requests, checks their expectations against
// all that was applied before, gives out revisions and applies one batch for
// all requests that wait. Another one waits for the fsync of each batch,
// publishes and answers, while the writer goes on. Expiry asks the writer, in
// small chunks with rests between. Compaction works through change rows from the
// old compact revision to the new one and removes what they superseded. The backfill works
// through all versions when an index is not ready, in small chunks, and never under
// rowLock, because taking the values of a version may take long.
//
// When the disk is full, what Pebble must write waits for room, writes are
// refused meanwhile, and reads go on. When the disk refuses a write for another
// reason, nothing is written any more until the directory is opened again,
// because only that shows what has reached the disk.
package engine

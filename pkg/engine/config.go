// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// MaxKeyBytes, MaxValueBytes and MaxIndexValueBytes are the longest keys, values
// and index values that Commit accepts.
const (
	MaxKeyBytes        = 4 << 10
	MaxValueBytes      = 16 << 20
	MaxIndexValueBytes = 4 << 10
)

// Config is where an engine keeps its data and how much it may use. Only Dir
// is needed.
type Config struct {
	// Dir is the data directory. It is made if it does not exist.
	Dir string
	// FS is the file system; nil is the machine's.
	FS vfs.FS
	// Indexes are kept up to date with every commit. An index that is new to
	// the directory is built in the background; one that is gone is dropped.
	Indexes []Index

	// Separator, if it is not 0, makes Count cheap for each prefix that ends with it,
	// as a directory does, once all keys have been read in the background after Open. There should be some thousand such prefixes at most: they
	// are in memory.
	Separator byte

	// CacheBytes is for blocks of files, default 128 MiB; it is used for more of
	// these while fewer than two buffers are full. MemTableBytes is for
	// each memtable, of which there are up to four, default 64
	// MiB. ChangeBufferBytes is for the newest changes, from which subscribers are
	// served, default 32 MiB. These three bound the memory of the engine.
	CacheBytes, MemTableBytes, ChangeBufferBytes int64

	// HistoryRetention is how long old revisions stay readable at least, default 5
	// minutes; negative means until Compact is called. They are compacted every
	// HistoryRetention.
	HistoryRetention time.Duration

	// ReadOnly opens a directory that is there without changing anything in it:
	// what a crash left in the log is replayed in memory. Writes return
	// ErrReadOnly, and no background work runs. It implies KeepIndexes.
	ReadOnly bool

	// KeepIndexes leaves the indexes of the directory, which must be there, as they
	// are: none is added, built or dropped. Indexes then only defines what the values
	// of those are that the directory has under the same names. Op.IndexValues
	// must not be used.
	KeepIndexes bool

	// MinFreeBytes is the free disk space below which writes are refused with
	// ErrLowSpace, default 512 MiB; negative means not before there is none. Half
	// of it should hold all memtables.
	MinFreeBytes int64

	// Now is the clock for deadlines, default time.Now.
	Now func() time.Time
	// ClockJumpHold is how long the clock must stay where it is after it has jumped
	// by more than an hour, ahead or back, before keys expire by it; default an hour.
	// A clock that at Open is more than an hour from where it was when the directory
	// was used last has jumped, too. Negative believes each jump at once.
	ClockJumpHold time.Duration

	// Listener is called about what happens inside.
	Listener Listener

	// manual is for tests that call Expire and Compact at the right moments:
	// nothing but the building of indexes and the counting of keys runs in the background.
	manual bool
	// elapsed is a monotonic time since any moment, for tests whose Now does not go
	// with the time of the machine.
	elapsed func() time.Duration
}

// Index is a way to find records by something in their value.
type Index struct {
	// Name identifies the index in the data directory. When Values changes its
	// mind about a record, the name must change too.
	Name string
	// Values returns the values under which a record is to be found. It must
	// depend on its arguments alone and must not keep them. It is called for
	// ops without IndexValues and for records from before the index.
	//
	// An error means that the values of the record cannot be taken, now or ever. It
	// makes an op fail. As long as there is a record from before the index that it
	// is returned for, the index is not ready: List by the index goes through all
	// records, and yields that one whatever the value, because only the caller can
	// say what it means to the list.
	Values func(key, value []byte) ([][]byte, error)
	// LowCardinality is set if there are not many different values, some thousand at most.
	// They are kept in memory, so that Query.IndexMatch can choose among them.
	LowCardinality bool
}

// Listener is a set of callbacks; each may be nil. They are called on the
// engine's own goroutines: they must be quick and must not call the engine.
type Listener struct {
	// Committed is called after each fsync with the number of ops it covered
	// and how long the batch took from its first op to the disk.
	Committed func(ops int, took time.Duration)
	// Expired is called with the number of keys that were removed because of
	// their deadline.
	Expired func(keys int)
	// Compacted is called when a compaction has ended, with the number of changes
	// that it worked through.
	Compacted func(compactRevision Revision, changes int, took time.Duration)
	// IndexBuilt is called when an index covers all data. The time is that of the
	// last, successful try.
	IndexBuilt func(name string, took time.Duration)
	// IndexBlocked is called after each try to build an index that ended with that
	// many versions of records for which Index.Values failed. Reason is one of its
	// errors. The next try comes after 10 seconds at first, after an hour at last.
	IndexBlocked func(name string, versions int, reason error)
	// Space is called when writes begin to be refused for lack of space, and
	// when they are accepted again.
	Space func(refusing bool, freeBytes uint64)
	// ClockJumped is called when the clock has jumped by so much, back if it is
	// negative, and keys do not expire by it for now.
	ClockJumped func(by time.Duration)
	// ClockTrusted is called at the end of that: the clock has come back, or has
	// stayed where it jumped to for Config.ClockJumpHold.
	ClockTrusted func(jump time.Duration, stayed bool)
	// BackgroundError is called when background work failed and
	// will be tried again.
	BackgroundError func(doing string, err error)
	// Failed is called once, when the disk refused a write: no further write
	// is accepted, see ErrFailed.
	Failed func(err error)
}

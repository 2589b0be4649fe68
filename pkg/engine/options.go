// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// The settings of Pebble that are not its defaults. Those of the levels are: a base
// level of 64 MiB, and a multiplier of 10. ADR 21 has what was measured.
const (
	// cachedMemTables is how many memtables there mostly are under load. Pebble takes
	// the size of each off that of the cache; without these the cache would be
	// empty then, and each look-up would read the filters of files from the disk.
	cachedMemTables = 2
	// memTables is how many memtables may wait to be flushed before writers do.
	memTables = 4
	// openFiles bounds the file descriptors. Pebble's default is 1000.
	openFiles = 512
	// filterBits for each key make one in a hundred look-ups of an absent key
	// read a block for nothing.
	filterBits = 10
	// blockBytes is how much is read and decompressed for a row. Pebble's default of
	// 4 KiB compresses worse; with 16 KiB a list by an index reads more.
	blockBytes = 8 << 10
	// levelZeroFileBytes is the target size of files at level 0; each level below has
	// files of twice the size of the one above. With Pebble's default of 2 MiB there
	// would be four times as many files, and more of them than may be open.
	levelZeroFileBytes = 8 * mib

	// compactSublevels is how many sublevels of level 0 make Pebble's score of it 2; it
	// compacts from a score of 1 on. With its default of 4 a row is written more often;
	// each sublevel more costs a list by an index some 5 µs.
	compactSublevels = 8
	// stopSublevels is at how many sublevels Pebble stops writes. Its default, 12, would
	// be soon after compaction has begun.
	stopSublevels = 2 * compactSublevels

	// deleteRangeDelay is how long a range tombstone may stay in the memtable. Removed
	// change rows are under range tombstones, which free no space before a flush.
	deleteRangeDelay = 10 * time.Second
)

func (e *Engine) pebbleOptions(lock *pebble.Lock) *pebble.Options {
	options := &pebble.Options{
		FS:                          disk.NewFS(e.config.FS, e.retry),
		Lock:                        lock,
		ReadOnly:                    e.config.ReadOnly,
		Comparer:                    rowComparer(),
		FormatMajorVersion:          pebbleFormat,
		CacheSize:                   e.config.CacheBytes + cachedMemTables*e.config.MemTableBytes,
		MemTableSize:                uint64(max(e.config.MemTableBytes, 0)),
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                openFiles,
		L0CompactionThreshold:       compactSublevels,
		L0StopWritesThreshold:       stopSublevels,
		TargetFileSizes:             [7]int64{levelZeroFileBytes},
		CompactionConcurrencyRange:  compactionConcurrency,
		FlushDelayDeleteRange:       deleteRangeDelay,
		Logger:                      pebbleLogger{failed: func(err error) { _ = e.fail(err) }},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { e.backgroundError("flushing or compacting files", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				e.backgroundError("reading "+info.Path, fmt.Errorf("%w: %w", ErrCorrupt, info.Details))
			},
		},
	}
	// Zstd at the lowest level would save another tenth of the disk, and cost a
	// sixth of all processor time of a write and most of that of a read: without
	// cgo it is slow both ways.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	// Files of earlier builds have a filter of all rows.
	everyRow := bloom.FilterPolicy(filterBits)
	options.Filters = map[string]pebble.FilterPolicy{everyRow.Name(): everyRow}
	for i := range options.Levels {
		options.Levels[i].BlockSize = blockBytes
		options.Levels[i].FilterPolicy = rowFilter{bloom.FilterPolicy(filterBits)}
		options.Levels[i].FilterType = pebble.TableFilter
	}
	return options
}

// compactionConcurrency is how many compactions run at most: one, and with a backlog
// one for each processor.
func compactionConcurrency() (lower, upper int) { return 1, runtime.GOMAXPROCS(0) }

// tableOptions are for reading a single file.
func (e *Engine) tableOptions() sstable.ReaderOptions {
	options := e.pebbleOptions(nil)
	options.EnsureDefaults()
	return options.MakeReaderOptions()
}

// pebbleLogger drops what Pebble logs about routine work. What it calls fatal
// stops the writes but not the process, in which others still can read.
type pebbleLogger struct {
	failed func(error)
}

// Infof is called for flushes, compactions and the like.
func (pebbleLogger) Infof(string, ...any) {}

// Errorf is called for what also goes to the event listener.
func (pebbleLogger) Errorf(string, ...any) {}

// Fatalf is called when a write or the list of files could not reach the disk.
func (l pebbleLogger) Fatalf(format string, args ...any) { l.failed(fmt.Errorf(format, args...)) }

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

const (
	mib = 1 << 20

	defaultCacheBytes    = 128 * mib
	defaultMemTableBytes = 64 * mib
	defaultFeedBytes     = 32 * mib
	defaultRetention     = 5 * time.Minute
	defaultMinFreeBytes  = 512 * mib
	defaultClockJumpHold = time.Hour

	// cachedMemTables is how many memtables there mostly are under load. Pebble takes
	// the size of each off that of the cache; without these the cache would be
	// empty then, and each look-up would read the filters of files from the disk.
	cachedMemTables = 2
	// memTables is how many memtables may wait to be flushed before writers do.
	memTables = 4
	openFiles = 512
	// filterBits for each key make one in a hundred look-ups of an absent key
	// read a block for nothing.
	filterBits = 10
	// blockBytes is how much is read and decompressed for a row.
	blockBytes = 8 << 10
	// lowestIndexBytes is above what an index of the largest files needs. Pebble makes
	// two levels of one that is larger, a block more to find for each look-up. At the
	// lowest level, which has most of the rows and whose files live longest, none is.
	// Elsewhere two levels are better: of a new file less is read at first.
	lowestIndexBytes = 4 * mib

	// levelZeroTables and baseLevelBytes say how much is gathered before it is
	// merged with what is there; Pebble begins at half of levelZeroTables. The more,
	// the less often a row is written again, and the more files a read asks: a list
	// of one uid takes some 5 µs more for each. Larger buffers gather as much in fewer
	// files.
	levelZeroTables = 64
	baseLevelBytes  = 256 * mib
	// levelMultiplier is how many times as much as the level above a level holds
	// before it is merged into the next. Pebble's own is 10, with fewer levels. With 4 a
	// create took a fifteenth less processor time at ten million; a look-up asks the
	// filters of a level more.
	levelMultiplier = 4

	// levelZeroFileBytes is how large files of level 0 get. Each level below has
	// files of twice the size. Larger files are fewer to look into.
	levelZeroFileBytes = 8 * mib
)

// complete returns the config with defaults, or what is wrong with it.
func (c Config) complete() (Config, error) {
	if c.Dir == "" {
		return c, fmt.Errorf("%w: Config.Dir is empty", ErrInvalid)
	}
	names := map[string]bool{}
	for _, index := range c.Indexes {
		if index.Name == "" || index.Values == nil || names[index.Name] {
			return c, fmt.Errorf("%w: index %q needs a name of its own and Values", ErrInvalid, index.Name)
		}
		names[index.Name] = true
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.elapsed == nil {
		begun := time.Now()
		c.elapsed = func() time.Duration { return time.Since(begun) }
	}
	if c.ReadOnly {
		c.FS, c.KeepIndexes = disk.ReadOnly{FS: c.FS}, true
	}
	c.CacheBytes = orDefault(c.CacheBytes, defaultCacheBytes)
	c.MemTableBytes = orDefault(c.MemTableBytes, defaultMemTableBytes)
	c.FeedBytes = orDefault(c.FeedBytes, defaultFeedBytes)
	c.MinFreeBytes = orDefault(c.MinFreeBytes, defaultMinFreeBytes)
	c.Retention = orDefault(c.Retention, defaultRetention)
	c.ClockJumpHold = orDefault(c.ClockJumpHold, defaultClockJumpHold)
	c.calmAfter = orDefault(c.calmAfter, calmAfter)
	c.baseLevelBytes = orDefault(c.baseLevelBytes, baseLevelBytes)
	c.keyFilterBytes = orDefault(c.keyFilterBytes, c.CacheBytes/keyFilterPart)
	return c, nil
}

func orDefault[T int64 | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

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
		L0CompactionThreshold:       levelZeroTables,
		L0StopWritesThreshold:       2 * levelZeroTables,
		LBaseMaxBytes:               e.config.baseLevelBytes,
		TargetFileSizes:             [7]int64{levelZeroFileBytes},
		// Compactions must keep up with the writer while they share two cores.
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
		AllocatorSizeClasses:       sizesOfMemory(),
		// Removed change rows are under range tombstones, which take no space
		// back until they are flushed.
		FlushDelayDeleteRange: 10 * time.Second,
		Logger:                pebbleLogger{failed: func(err error) { _ = e.fail(err) }},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { e.backgroundError("flushing or compacting files", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				e.backgroundError("reading "+info.Path, fmt.Errorf("%w: %w", ErrCorrupt, info.Details))
			},
		},
	}
	options.Experimental.LevelMultiplier = levelMultiplier
	// Zstd at the lowest level would save another tenth of the disk, and cost a
	// sixth of all processor time of a write and most of that of a read: without
	// cgo it is slow both ways.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	// Files of earlier builds have a filter of all rows.
	everyRow := bloom.FilterPolicy(filterBits)
	options.Filters = map[string]pebble.FilterPolicy{everyRow.Name(): everyRow}
	for i := range options.Levels {
		options.Levels[i].BlockSize = blockBytes
		options.Levels[i].IndexBlockSize = blockBytes
		options.Levels[i].FilterPolicy = rowFilter{bloom.FilterPolicy(filterBits)}
		options.Levels[i].FilterType = pebble.TableFilter
	}
	options.Levels[len(options.Levels)-1].IndexBlockSize = lowestIndexBytes
	return options
}

// sizesOfMemory are the sizes around blockBytes in which Go hands out memory
// (internal/runtime/gc/sizeclasses.go). The cache keeps a block with some hundred
// bytes of its own; blocks of 8 KiB as such took a sixth more memory than they need.
func sizesOfMemory() []int { return []int{6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240} }

// tableOptions are for reading a file by itself.
func (e *Engine) tableOptions() sstable.ReaderOptions {
	options := e.pebbleOptions(nil)
	options.EnsureDefaults()
	return options.MakeReaderOptions()
}

// pebbleLogger drops what Pebble says about its daily work. What it calls fatal
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

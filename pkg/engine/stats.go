// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// Stats are figures about an engine. Those that count do so since Open.
type Stats struct {
	// Keys is the number of keys, Bytes the sum of the sizes of their keys and
	// values. Keys that expired but are not removed yet are in it.
	Keys, Bytes int64
	// DiskBytes is what the data directory takes on disk, FreeBytes what was free
	// there at the last look, at most a second ago.
	DiskBytes, FreeBytes int64
	// Revision and CompactRevision are those of the methods.
	Revision, CompactRevision Revision
	// CompactRevisionTime is when the compact revision was the newest revision; the time of Open,
	// when that was before.
	CompactRevisionTime time.Time
	// ChangeBufferBytes is the memory of the change buffer, in bytes.
	ChangeBufferBytes int64
	// CacheHits and CacheMisses count the blocks that reads found in memory and
	// those that they had to take from the disk.
	CacheHits, CacheMisses int64
	// Refusing is set while writes are refused for lack of space, Refused counts
	// those that were.
	Refusing bool
	Refused  int64
	// ClockJump is by how much the clock has jumped, back if it is negative, while
	// keys do not expire by it; else 0. See Config.ClockJumpHold.
	ClockJump time.Duration
	// Failed is set after the disk refused a write, see ErrFailed.
	Failed bool
}

// Stats returns figures for metrics. It does not wait for the disk: where that
// is so full that Pebble does not answer, DiskBytes, CacheHits and
// CacheMisses are those of an earlier call. After Close all figures are zero.
func (e *Engine) Stats() Stats {
	if err := e.inFlight.begin(); err != nil {
		return Stats{}
	}
	defer e.inFlight.end()
	counted := e.publishedCounters.Load()
	files := e.files.get(e)
	return Stats{
		Keys:                counted.keys,
		Bytes:               counted.bytes,
		DiskBytes:           files.disk,
		FreeBytes:           int64(e.space.FreeBytes()), //nolint:gosec // no disk is that large
		Revision:            e.Revision(),
		CompactRevision:     e.CompactRevision(),
		CompactRevisionTime: time.Unix(0, e.compactRevisionTime.Load()),
		ChangeBufferBytes:   e.changes.held(),
		CacheHits:           files.hits,
		CacheMisses:         files.misses,
		Refusing:            e.space.Refusing(),
		Refused:             e.space.Refused(),
		ClockJump:           time.Duration(e.clock.jumped.Load()),
		Failed:              e.failed() != nil,
	}
}

// figuresTimeout is how long Stats waits for Pebble's figures.
const figuresTimeout = 200 * time.Millisecond

// files are Pebble's figures. To give them Pebble wants its list of files, and
// keeps that to itself while it is being written.
type files struct {
	mu   sync.Mutex
	last fileFigures
	// asking is closed when the question that is under way is answered; nil
	// when there is none.
	asking chan struct{}
}

type fileFigures struct {
	disk, hits, misses int64
}

func (f *files) get(e *Engine) fileFigures {
	f.mu.Lock()
	if f.asking == nil && e.inFlight.begin() == nil {
		f.asking = make(chan struct{})
		go f.ask(e)
	}
	asking := f.asking
	f.mu.Unlock()

	timeout := time.NewTimer(figuresTimeout)
	defer timeout.Stop()
	select {
	case <-asking:
	case <-timeout.C:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *files) ask(e *Engine) {
	defer e.inFlight.end()
	metrics := e.db.Metrics()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = fileFigures{
		disk:   int64(metrics.DiskSpaceUsage()), //nolint:gosec // no disk is that large
		hits:   metrics.BlockCache.Hits,
		misses: metrics.BlockCache.Misses,
	}
	close(f.asking)
	f.asking = nil
}

// ProbeDisk tests whether the disk takes writes: it returns nil when there is
// space for what opening the directory again may have to write, and a file could be
// written, synced and removed. After ErrFailed it shows when a restart is worth
// trying.
func (e *Engine) ProbeDisk() error {
	if err := e.inFlight.begin(); err != nil {
		return err
	}
	defer e.inFlight.end()
	// The memtables become files when the WAL is replayed.
	least := uint64(max(e.config.MinFreeBytes, memTables*e.config.MemTableBytes)) //nolint:gosec // not negative
	return disk.Probe(e.config.FS, e.config.Dir, least)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrLowSpace is returned for writes while less space is free than the least that
// was asked for, or none.
var ErrLowSpace = errors.New("disk is nearly full")

const (
	mib = 1 << 20

	// checkInterval is how often the free space is read, at least.
	checkInterval = time.Second
	// checkFraction of the least free space is how much may be written before it is
	// read again.
	checkFraction = 16
)

// Guard refuses writes while the disk is nearly full: Pebble needs space to flush
// and to compact.
type Guard struct {
	fs    vfs.FS
	dir   string
	least int64
	// changed is called when writes begin to be refused, and when they no longer are.
	changed func(refusing bool, freeBytes uint64)

	// low is set while less than the least is free, veryLow while less than half of
	// it is, full while an operation waits for any space at all.
	low, veryLow, full atomic.Bool
	// free is what was free when it was read last, in bytes.
	free atomic.Uint64
	// unchecked counts the bytes that were admitted since then.
	unchecked atomic.Int64
	refused   atomic.Int64

	// checking lets one caller read at a time; notifying keeps the calls of changed
	// in order.
	checking  sync.Mutex
	notifying sync.Mutex
	notified  bool
}

// NewGuard returns a guard of the disk that dir is on. It refuses writes while
// fewer than least bytes are free; if least is negative, only while there is no
// space at all.
func NewGuard(fs vfs.FS, dir string, least int64, changed func(refusing bool, freeBytes uint64)) *Guard {
	return &Guard{fs: fs, dir: dir, least: least, changed: changed}
}

// Run reads the free space every second until ctx ends.
func (g *Guard) Run(ctx context.Context) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		g.Check()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Admit returns ErrLowSpace for a write that must not be made now. Deletes are
// admitted for longer, because they free space.
func (g *Guard) Admit(bytes int64, deletes bool) error {
	if g.least > 0 && g.unchecked.Add(bytes) > g.least/checkFraction {
		g.Check()
	}
	if g.full.Load() || g.veryLow.Load() || !deletes && g.low.Load() {
		g.refused.Add(1)
		return fmt.Errorf("%w: %d MiB are free, %d MiB are the least", ErrLowSpace, g.free.Load()/mib, max(g.least, 0)/mib)
	}
	return nil
}

// Check reads the free space. A file system that does not report it counts as one
// without bounds.
func (g *Guard) Check() {
	if !g.checking.TryLock() {
		return
	}
	defer g.checking.Unlock()
	g.unchecked.Store(0)
	usage, err := g.fs.GetDiskUsage(g.dir)
	if err != nil {
		return
	}
	least := uint64(max(g.least, 0))
	g.free.Store(usage.AvailBytes)
	g.veryLow.Store(usage.AvailBytes < least/2)
	g.low.Store(usage.AvailBytes < least)
	g.notify()
}

// SetFull refuses everything while an operation waits for space, whatever the
// file system reports.
func (g *Guard) SetFull(full bool) {
	g.full.Store(full)
	g.notify()
}

func (g *Guard) notify() {
	g.notifying.Lock()
	defer g.notifying.Unlock()
	refusing := g.Refusing()
	if g.notified == refusing {
		return
	}
	g.notified = refusing
	if g.changed != nil {
		g.changed(refusing, g.free.Load())
	}
}

// Refusing reports whether writes are refused.
func (g *Guard) Refusing() bool { return g.low.Load() || g.full.Load() }

// FreeBytes is what was free at the last look, at most a second ago while Run
// runs.
func (g *Guard) FreeBytes() uint64 { return g.free.Load() }

// Refused is how many writes were refused.
func (g *Guard) Refused() int64 { return g.refused.Load() }

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// spaceCheckEvery is how often the free space is looked at, at least.
	spaceCheckEvery = time.Second
	// spaceCheckParts is into how many parts MinFreeBytes is cut; the free space
	// is looked at whenever writes have taken one of them, too.
	spaceCheckParts = 16
)

// space refuses writes while the disk is nearly full. Pebble needs room to
// flush and to compact.
type space struct {
	// short says that less than MinFreeBytes are free, veryShort that less than
	// half of it is, full that something waits for any room at all.
	short, veryShort, full atomic.Bool
	// free is what was free when it was looked at last.
	free atomic.Uint64
	// unchecked counts the bytes that were let in since then.
	unchecked atomic.Int64
	// refused counts the writes that were not let in.
	refused atomic.Int64

	// checking lets one caller look at a time; telling keeps the calls of the
	// listener in order.
	checking sync.Mutex
	telling  sync.Mutex
	told     bool
}

// refusing reports whether values are refused.
func (s *space) refusing() bool { return s.short.Load() || s.full.Load() }

// admitSpace lets deletes pass for longer, since they make room.
func (e *Engine) admitSpace(op Op) error {
	s := &e.space
	least := e.config.MinFreeBytes
	size := int64(len(op.Key) + len(op.Value))
	if least > 0 && s.unchecked.Add(size) > least/spaceCheckParts {
		e.checkSpace()
	}
	if s.full.Load() || s.veryShort.Load() || op.Value != nil && s.short.Load() {
		s.refused.Add(1)
		return fmt.Errorf("%w: %d MiB are free, %d MiB are the least", ErrNoSpace, s.free.Load()/mib, max(least, 0)/mib)
	}
	return nil
}

func (e *Engine) watchSpace(ctx context.Context) {
	ticker := time.NewTicker(spaceCheckEvery)
	defer ticker.Stop()
	for {
		e.checkSpace()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// checkSpace takes a file system that does not tell its size for one without
// bounds.
func (e *Engine) checkSpace() {
	s := &e.space
	if !s.checking.TryLock() {
		return
	}
	defer s.checking.Unlock()
	s.unchecked.Store(0)
	usage, err := e.config.FS.GetDiskUsage(e.config.Dir)
	if err != nil {
		return
	}
	least := uint64(max(e.config.MinFreeBytes, 0))
	s.free.Store(usage.AvailBytes)
	s.veryShort.Store(usage.AvailBytes < least/2)
	s.short.Store(usage.AvailBytes < least)
	e.tellSpace()
}

// fullDisk is called when something begins to wait for room, and when nothing
// does any more.
func (e *Engine) fullDisk(waiting bool) {
	e.space.full.Store(waiting)
	e.tellSpace()
}

// tellSpace tells the listener whether writes are refused, if that has changed.
func (e *Engine) tellSpace() {
	s := &e.space
	s.telling.Lock()
	defer s.telling.Unlock()
	refusing := s.refusing()
	if s.told == refusing {
		return
	}
	s.told = refusing
	if e.config.Listener.Space != nil {
		e.config.Listener.Space(refusing, s.free.Load())
	}
}

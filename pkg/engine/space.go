// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// spaceCheckEvery is how often the free space is looked at. What all writers
// together can write in that time must be less than half of MinFreeBytes.
const spaceCheckEvery = time.Second

// space refuses writes while the disk is nearly full. Pebble needs room to
// compact, and a write that fails for lack of it stops the engine.
type space struct {
	// short says that less than MinFreeBytes are free, veryShort that less than
	// half of it is.
	short, veryShort atomic.Bool
}

// admit lets deletes pass for longer, since they make room.
func (s *space) admit(deletes bool) error {
	if s.veryShort.Load() || !deletes && s.short.Load() {
		return ErrNoSpace
	}
	return nil
}

func (e *Engine) watchSpace(ctx context.Context) {
	if e.config.MinFreeBytes < 0 {
		return
	}
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
	usage, err := e.config.FS.GetDiskUsage(e.config.Dir)
	if err != nil {
		return
	}
	least := uint64(e.config.MinFreeBytes) //nolint:gosec // not negative, see watchSpace
	short := usage.AvailBytes < least
	e.space.veryShort.Store(usage.AvailBytes < least/2)
	if e.space.short.Swap(short) != short && e.config.Listener.Space != nil {
		e.config.Listener.Space(short, usage.AvailBytes)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"sync"
	"time"
)

// watermark is the version up to which everything is stored, while changes are stored
// out of order.
type watermark struct {
	mutex sync.Mutex
	// open are the changes that are not stored yet, or follow one that is not, in the
	// order in which they came.
	open []*pendingChange
	// reached is the version up to which all changes are stored.
	reached uint64
	// done counts the changes that were stored.
	done uint64
	// idle is closed when open becomes empty; nil if nothing waits for that.
	idle chan struct{}
}

// pendingChange is a change that is not stored yet.
type pendingChange struct {
	version  uint64
	received time.Time
	stored   bool
}

// begin records a change that has arrived. Versions never decrease.
func (w *watermark) begin(version uint64, received time.Time) *pendingChange {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	p := &pendingChange{version: version, received: received}
	w.open = append(w.open, p)
	return p
}

// finish records that the change is stored.
func (w *watermark) finish(p *pendingChange) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	p.stored = true
	w.done++
	for len(w.open) > 0 && w.open[0].stored {
		w.reached = max(w.reached, w.open[0].version)
		w.open[0] = nil
		w.open = w.open[1:]
	}
	if len(w.open) == 0 {
		w.open = nil
		if w.idle != nil {
			close(w.idle)
			w.idle = nil
		}
	}
}

// set sets the version, also to a lower one: a complete list was ingested.
func (w *watermark) set(version uint64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.reached = version
}

// position returns the version up to which all is stored, and how many changes were.
func (w *watermark) position() (reached, done uint64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.reached, w.done
}

// oldest is when the first change that is not stored yet arrived; zero if there is
// none.
func (w *watermark) oldest() time.Time {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, p := range w.open {
		if !p.stored && !p.received.IsZero() {
			return p.received
		}
	}
	return time.Time{}
}

// empty returns a channel that is closed once no change is open.
func (w *watermark) empty() <-chan struct{} {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.open) == 0 {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}

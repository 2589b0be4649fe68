// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"sync"
	"time"
)

// watermark follows up to which version everything has been stored, while
// changes are stored in another order than they came.
type watermark struct {
	mutex sync.Mutex
	// open are the changes that are not all stored yet, in the order in which
	// they came.
	open []*passage
	// reached is the version up to which all are stored.
	reached uint64
	// done counts the changes that were stored.
	done uint64
	// idle is closed when open becomes empty; nil if nobody waits.
	idle chan struct{}
}

// passage is one change on its way into the store.
type passage struct {
	version  uint64
	received time.Time
	stored   bool
}

// enter notes a change that has come. Versions never go down.
func (w *watermark) enter(version uint64, received time.Time) *passage {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	p := &passage{version: version, received: received}
	w.open = append(w.open, p)
	return p
}

// leave notes that it has been stored.
func (w *watermark) leave(p *passage) {
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

// set makes the version the one that is reached, also if it is lower: a list
// was taken in whole.
func (w *watermark) set(version uint64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.reached = version
}

// position returns up to where all is stored, and how many changes were.
func (w *watermark) position() (reached, done uint64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.reached, w.done
}

// oldest is when the first change that is not stored yet came; zero if none.
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

// empty returns a channel that is closed once nothing is on its way.
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

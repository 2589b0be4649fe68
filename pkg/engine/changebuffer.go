// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"sync"
)

// changeBuffer holds the newest changes in memory, one for each revision without a
// gap, and wakes those who wait for more.
type changeBuffer struct {
	mu      sync.Mutex
	changes []Change
	// last is the revision of the last change, or where the change buffer began.
	last  Revision
	bytes int64
	limit int64
	more  chan struct{}
}

func newChangeBuffer(limit int64) *changeBuffer {
	return &changeBuffer{limit: limit, more: make(chan struct{})}
}

// start sets the revision that the first change follows.
func (f *changeBuffer) start(last Revision) { f.last = last }

func (f *changeBuffer) add(changes []Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range changes {
		f.bytes += changes[i].memory()
	}
	f.changes = append(f.changes, changes...)
	f.last = changes[len(changes)-1].Revision
	drop := 0
	for f.bytes > f.limit && drop < len(f.changes) {
		f.bytes -= f.changes[drop].memory()
		// Appending moves the slice to a new array only now and then; until then
		// the dropped ones must not hold their values.
		f.changes[drop] = Change{}
		drop++
	}
	f.changes = f.changes[drop:]
	close(f.more)
	f.more = make(chan struct{})
}

// after returns up to limit changes that follow the revision. When the next one
// is not in memory any more it returns none and true.
func (f *changeBuffer) after(revision Revision, limit int) (changes []Change, gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if revision >= f.last {
		return nil, false
	}
	first := f.last - Revision(len(f.changes)) + 1
	if revision+1 < first {
		return nil, true
	}
	rest := f.changes[revision+1-first:]
	return append(changes, rest[:min(limit, len(rest))]...), false
}

// wait returns when there is a change after the revision, or with ErrClosed
// when stopping is closed, or with the context's error.
func (f *changeBuffer) wait(ctx context.Context, revision Revision, stopping <-chan struct{}) error {
	for {
		f.mu.Lock()
		last, more := f.last, f.more
		f.mu.Unlock()
		if last > revision {
			return nil
		}
		select {
		case <-more:
		case <-stopping:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// held returns the memory that the changes take.
func (f *changeBuffer) held() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes
}

// changeOverhead is about what a Change takes beside its bytes.
const changeOverhead = 160

func (c *Change) memory() int64 {
	return changeOverhead + int64(len(c.Key)+len(c.Value)+len(c.PrevValue))
}

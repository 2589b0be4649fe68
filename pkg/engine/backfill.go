// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// backfillChunk and backfillBytes bound what is written while compaction waits.
	backfillChunk = 64
	backfillBytes = mib
	// backfillThrottle leaves half of the time to others.
	backfillThrottle = 1

	// firstRetry and lastRetry are how long after a backfill that did not complete
	// all indexes the next one begins, at first and at last.
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
)

// backfill completes the indexes that are not ready. It goes through all versions,
// writes the values of those that are older than an index into their rows, and adds
// their index rows. A version row is replaced under the same key: nothing but the
// values is new in it, so that readers may see either. What was done already is
// done again without harm.
type backfill struct {
	engine  *Engine
	indexes []*pendingIndex
	// from is the first version that the next pass has to look at, nil when there
	// is none: all before it store their values in all these indexes.
	from []byte
}

// pendingIndex is an index that is not ready.
type pendingIndex struct {
	*index
	// unreadable is for how many versions Index.Values failed in this pass, and
	// reason its last error.
	unreadable int
	reason     error
}

func (e *Engine) newBackfill() *backfill {
	b := &backfill{engine: e, from: []byte{spaceVersion}}
	for _, x := range e.indexes {
		if !x.ready.Load() {
			b.indexes = append(b.indexes, &pendingIndex{index: x})
		}
	}
	return b
}

// keepBackfilling ends when all indexes are ready, or nothing can be written any
// more.
func (e *Engine) keepBackfilling(ctx context.Context) {
	b := e.newBackfill()
	for wait := firstRetry; len(b.indexes) > 0; wait = min(2*wait, lastRetry) {
		err := b.pass(ctx)
		if ctx.Err() != nil || e.failed() != nil {
			return
		}
		if err != nil {
			e.backgroundError("building indexes", err)
		}
		if len(b.indexes) == 0 || e.config.manual {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// pass goes through the versions from b.from on. An error leaves b.from where the
// next pass must begin.
func (b *backfill) pass(ctx context.Context) error {
	begun := time.Now()
	for _, x := range b.indexes {
		x.unreadable, x.reason = 0, nil
	}
	for from := b.from; from != nil; {
		var err error
		if from, err = b.chunk(ctx, from); err != nil {
			return err
		}
		if !b.blocked() {
			b.from = from
		}
	}
	return b.complete(begun)
}

// blocked reports whether a version was met whose values cannot be taken.
func (b *backfill) blocked() bool {
	return slices.ContainsFunc(b.indexes, func(x *pendingIndex) bool { return x.unreadable > 0 })
}

// complete makes those indexes ready of which the pass has the values of all
// versions. Versions that were written meanwhile store theirs.
func (b *backfill) complete(begun time.Time) error {
	listener := b.engine.config.Listener
	var blocked []*pendingIndex
	for i, x := range b.indexes {
		if x.unreadable > 0 {
			blocked = append(blocked, x)
			if listener.IndexBlocked != nil {
				listener.IndexBlocked(x.name, x.unreadable, x.reason)
			}
			continue
		}
		if err := b.engine.saveReady(x.index); err != nil {
			b.indexes = append(blocked, b.indexes[i:]...)
			return err
		}
		if listener.IndexBuilt != nil {
			listener.IndexBuilt(x.name, time.Since(begun))
		}
	}
	b.indexes = blocked
	return nil
}

// saveReady lets lists use the index. What the flag is about is on disk before it.
func (e *Engine) saveReady(x *index) error {
	batch := e.db.NewBatch()
	err := setIndex(batch, x, true)
	if err == nil {
		err = e.db.Apply(batch, pebble.Sync)
	}
	if err = errors.Join(err, batch.Close()); err != nil {
		return fmt.Errorf("index %s: %w", x.name, err)
	}
	x.ready.Store(true)
	return nil
}

// chunk works through some versions and returns where to go on, or nil at the end.
func (b *backfill) chunk(ctx context.Context, from []byte) (next []byte, err error) {
	e := b.engine
	if e.space.Refusing() {
		return nil, ErrLowSpace
	}
	begun := time.Now()
	next, err = b.fill(ctx, from)
	return next, errors.Join(err, throttle(ctx, time.Since(begun), backfillThrottle))
}

// fill writes a chunk. Compaction must not remove a version that is just being
// written, so compactLock is held. The writer may go on: it adds versions, which
// store their values, and index rows, and changes none.
func (b *backfill) fill(ctx context.Context, from []byte) (next []byte, err error) {
	e := b.engine
	e.compactLock.Lock()
	defer e.compactLock.Unlock()
	iter, err := e.newIter(from, spaceEnd(spaceVersion))
	if err != nil {
		return nil, err
	}
	batch := e.db.NewBatch()
	n := 0
	var last []byte
	for iter.First(); iter.Valid() && n < backfillChunk && batch.Len() < backfillBytes && err == nil; iter.Next() {
		// Taking the values may take long.
		if err = ctx.Err(); err == nil {
			err = b.version(batch, iter)
		}
		last = append(last[:0], iter.Key()...)
		n++
	}
	if iter.Valid() {
		// Not the next row, but all behind the last one: a version that is added
		// in between relies on the index rows of the one that it replaces.
		last = append(last, 0)
		next = last
	}
	if err = errors.Join(err, iter.Error(), iter.Close()); err == nil {
		err = e.db.Apply(batch, pebble.NoSync)
	}
	return next, errors.Join(err, batch.Close())
}

// version writes what a version lacks. All of it is in one batch, so that values
// that a version stores have their index rows.
func (b *backfill) version(batch *pebble.Batch, iter *pebble.Iterator) error {
	key, _, err := decodeVersionKey(nil, iter.Key())
	if err != nil {
		return err
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return err
	}
	row, err := decodeVersionRow(value)
	if err != nil || row.deleted() {
		return err
	}
	var added indexValues
	for _, x := range b.indexes {
		values, stored, err := row.indexed.of(x.id)
		if err != nil {
			return err
		}
		if !stored {
			if values, err = x.derive(key, row.value); err != nil {
				x.unreadable++
				x.reason = err
				continue
			}
			added = appendIndexValues(added, x.id, values)
		}
		if err := x.setRows(batch, key, values); err != nil {
			return err
		}
	}
	if len(added) == 0 {
		return nil
	}
	kept, err := b.engine.declaredValues(row.indexed)
	if err != nil {
		return err
	}
	row.indexed = slices.Concat(kept, added)
	return batch.Set(iter.Key(), row.append(nil), nil)
}

// declaredValues returns a new list without indexes that are gone.
func (e *Engine) declaredValues(list indexValues) (indexValues, error) {
	var kept indexValues
	err := list.each(func(id indexID, values [][]byte) {
		if slices.ContainsFunc(e.indexes, func(x *index) bool { return x.id == id }) {
			kept = appendIndexValues(kept, id, values)
		}
	})
	return kept, err
}

func (x *index) setRows(batch *pebble.Batch, key []byte, values [][]byte) error {
	for _, value := range values {
		x.adding(value)
		if err := batch.Set(appendIndexKey(nil, x.id, value, key), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// countChunk is how many rows are read with one iterator, which keeps files and
	// memtables alive.
	countChunk = 8192
	// countPause is for how many times the duration of a chunk others have the disk and
	// the processors for themselves before the next one.
	countPause = 3
	// countRetry is how long after an error keys are counted again.
	countRetry = time.Minute
)

// keepCounting counts the keys of groups, again and again until that succeeds.
func (e *Engine) keepCounting(ctx context.Context) {
	for {
		err := e.countKeys(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		e.backgroundError("counting keys", err)
		if throttle(ctx, countRetry, 1) != nil {
			return
		}
	}
}

// countKeys reads the keys that there are at a moment. They are in the expiry rows,
// which are small beside the versions. If there are fewer of these than keys, some
// keys never expire, and all versions are read.
func (e *Engine) countKeys(ctx context.Context) error {
	e.rowLock.Lock()
	live := e.counted.keys
	e.groups.begin(e.last)
	moment := e.db.NewSnapshot()
	e.rowLock.Unlock()
	read := e.groups.newTally()
	found, err := read.rows(ctx, moment, spaceExpiry, addExpiring)
	if err == nil && found != live {
		read = e.groups.newTally()
		_, err = read.rows(ctx, moment, spaceVersion, addNewest)
	}
	if err = errors.Join(err, moment.Close()); err != nil {
		e.groups.abandon()
		return err
	}
	e.groups.finish(read)
	return nil
}

// rows calls add for the first row of each common part in a space, and returns how
// many there are.
func (t *groupTally) rows(ctx context.Context, moment *pebble.Snapshot, space byte, add addRow) (found int64, err error) {
	for from := []byte{space}; from != nil; {
		begun := time.Now()
		var read int64
		read, from, err = t.chunk(moment, from, spaceEnd(space), add)
		found += read
		if err := errors.Join(err, throttle(ctx, time.Since(begun), countPause)); err != nil {
			return found, err
		}
	}
	return found, nil
}

// chunk reads some rows and returns the one to go on with, or nil at the end.
func (t *groupTally) chunk(moment *pebble.Snapshot, from, end []byte, add addRow) (read int64, next []byte, err error) {
	iter, err := moment.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	if err != nil {
		return 0, nil, fmt.Errorf("opening an iterator: %w", err)
	}
	more := iter.First()
	for more && err == nil && read < countChunk {
		if err = add(t, iter); err == nil {
			read++
			more = iter.NextPrefix()
		}
	}
	if more {
		next = bytes.Clone(iter.Key())
	}
	return read, next, errors.Join(err, iter.Error(), iter.Close())
}

// addRow counts the key of the row at which an iterator is.
type addRow func(t *groupTally, iter *pebble.Iterator) error

func addExpiring(t *groupTally, iter *pebble.Iterator) error {
	key, err := iter.ValueAndErr()
	if err == nil {
		t.add(key)
	}
	return err
}

// addNewest counts the key at whose newest version the iterator is, unless that is a
// deletion.
func addNewest(t *groupTally, iter *pebble.Iterator) error {
	value, err := iter.ValueAndErr()
	if err != nil {
		return err
	}
	row, err := decodeVersionRow(value)
	if err != nil || row.deleted() {
		return err
	}
	key, _, err := decodeVersionKey(nil, iter.Key())
	if err == nil {
		t.add(key)
	}
	return err
}

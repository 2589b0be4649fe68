// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A record from before an index may be one whose values cannot be told: what it
// was sealed with is gone, or away for a while. Its key is then undecided: it
// has a row of its own, is looked at by every list by the index, and is tried
// again now and then.

// firstDecision and lastDecision are how long after a failure undecided keys
// are tried again, at first and at last.
const (
	firstDecision = time.Minute
	lastDecision  = time.Hour
)

// undecidedKeys counts what Index.Values failed for.
type undecidedKeys struct {
	keys   int
	reason error
}

func (u *undecidedKeys) add(reason error) {
	u.keys++
	u.reason = reason
}

func (e *Engine) tellUndecided(x *index, left undecidedKeys) {
	if left.keys > 0 && e.config.Listener.IndexUndecided != nil {
		e.config.Listener.IndexUndecided(x.name, left.keys, left.reason)
	}
}

// leaveUndecided adds the row of a key whose values cannot be told. That there
// are such rows is on disk no later than the first of them.
func (x *index) leaveUndecided(batch *pebble.Batch, key []byte) error {
	var err error
	if !x.undecided.Swap(true) {
		err = setIndex(batch, x)
	}
	return errors.Join(err, batch.Set(undecidedKey(x.id, key), nil, nil))
}

// keepDeciding tries undecided keys again until none is left and none can come:
// only building an index makes new ones.
func (e *Engine) keepDeciding(ctx context.Context) {
	for wait := firstDecision; e.anyUndecided(); wait = min(2*wait, lastDecision) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		for _, x := range e.indexes {
			if err := e.decide(ctx, x); err != nil && ctx.Err() == nil {
				e.backgroundError("completing index "+x.name, err)
			}
		}
	}
}

// anyUndecided reports whether an index has undecided keys, or may get some.
func (e *Engine) anyUndecided() bool {
	for _, x := range e.indexes {
		// Whether there are any is known no later than that the index is ready.
		if !x.ready.Load() || x.undecided.Load() {
			return true
		}
	}
	return false
}

// decide gives the undecided keys of an index their rows, where that is
// possible now.
func (e *Engine) decide(ctx context.Context, x *index) error {
	if !x.undecided.Load() || !x.ready.Load() {
		return nil
	}
	left := undecidedKeys{}
	chunk := func(from []byte) ([]byte, error) { return e.decideChunk(ctx, x, from, &left) }
	if err := e.inChunks(ctx, undecidedSpace(x.id), chunk); err != nil {
		return err
	}
	if left.keys > 0 {
		e.tellUndecided(x, left)
		return nil
	}
	x.undecided.Store(false)
	return e.saveIndex(x)
}

// decideChunk tries some undecided keys and returns the row to go on with, or
// nil at the end. compactLock is held.
func (e *Engine) decideChunk(ctx context.Context, x *index, from []byte, left *undecidedKeys) (next []byte, err error) {
	rows, err := e.newIter(from, prefixEnd(undecidedSpace(x.id)))
	if err != nil {
		return nil, err
	}
	versions, err := e.newVersionIter()
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	batch := e.db.NewBatch()
	n := 0
	for rows.First(); rows.Valid() && n < buildChunk && err == nil; rows.Next() {
		if err = ctx.Err(); err == nil {
			err = x.decideKey(batch, bytes.Clone(rows.Key()), versions, left)
		}
		n++
	}
	if rows.Valid() {
		next = bytes.Clone(rows.Key())
	}
	if err = errors.Join(err, rows.Error(), rows.Close(), versions.Close()); err == nil {
		// The rows and the end of being undecided are one batch: a look-up that
		// does not find the one finds the other.
		err = e.db.Apply(batch, pebble.NoSync)
	}
	return next, errors.Join(err, batch.Close())
}

// decideKey adds the rows of all versions of an undecided key, or none.
func (x *index) decideKey(batch *pebble.Batch, row []byte, versions *pebble.Iterator, left *undecidedKeys) error {
	_, key, err := decodeUndecidedKey(row)
	if err != nil {
		return err
	}
	var values [][]byte
	valid := versions.SeekPrefixGE(appendVersionPrefix(nil, key))
	for ; valid; valid = versions.Next() {
		value, err := versions.ValueAndErr()
		if err != nil {
			return err
		}
		version, err := decodeVersionRow(value)
		if err != nil {
			return err
		}
		stores, err := version.indexed.stores(x.id)
		if err != nil {
			return err
		}
		if stores || version.deleted() {
			continue
		}
		// What is returned may be parts of what is passed.
		derived, err := x.derive(key, bytes.Clone(version.value))
		if err != nil {
			left.add(err)
			return nil
		}
		values = append(values, derived...)
	}
	return errors.Join(versions.Error(), x.setRows(batch, key, values), batch.Delete(row, nil))
}

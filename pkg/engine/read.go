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

// Revision counts commits: each has the next number. It never repeats and never
// goes back, whatever happened to the process.
type Revision uint64

// Record is one version of one key.
type Record struct {
	Key, Value []byte
	// Revision is the commit that wrote this version, CreateRevision the one
	// that made the key.
	Revision, CreateRevision Revision
	// Deadline is when the key expires; the zero time is never.
	Deadline time.Time
}

// Get returns the key as it was at a revision, 0 meaning the newest. The second
// result is the revision that was read at, also with ErrNotFound. The caller
// may keep the record. Other errors are ErrCompacted and ErrFuture.
//
// A read at 0 does not show a key that has expired; one at an older revision
// shows what was stored then.
func (e *Engine) Get(ctx context.Context, key []byte, at Revision) (Record, Revision, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, 0, err
	}
	if err := e.inFlight.begin(); err != nil {
		return Record{}, 0, err
	}
	defer e.inFlight.end()
	v, err := e.viewAt(at)
	if err != nil {
		return Record{}, 0, err
	}
	iter, err := e.newVersionIter()
	if err != nil {
		return Record{}, 0, err
	}
	record, err := e.get(iter, v, key)
	if err := errors.Join(err, iter.Close()); err != nil {
		return Record{}, v.at, err
	}
	return record, v.at, nil
}

func (e *Engine) get(iter *pebble.Iterator, v view, key []byte) (Record, error) {
	if err := e.readable(v); err != nil {
		return Record{}, err
	}
	row, found, err := v.seek(iter, appendVersionKey(nil, key, v.at))
	if err != nil {
		return Record{}, fmt.Errorf("reading a key: %w", err)
	}
	if !found {
		return Record{}, ErrNotFound
	}
	return row.record(key, bytes.Clone(row.value), versionRevision(iter.Key())), nil
}

func (v *versionRow) record(key, value []byte, revision Revision) Record {
	return Record{
		Key:            key,
		Value:          value,
		Revision:       revision,
		CreateRevision: v.createRevision,
		Deadline:       timeOf(v.deadline),
	}
}

// view is what a read sees: the state at a revision, without the keys that
// were due at a time.
type view struct {
	at Revision
	// now is 0 for a read at an explicit revision.
	now uint64
}

// viewAt returns the view for a revision as callers give it.
func (e *Engine) viewAt(at Revision) (view, error) {
	published := e.Revision()
	if at > published {
		return view{}, ErrFuture
	}
	if at == 0 {
		return view{at: published, now: e.now()}, nil
	}
	return view{at: at}, nil
}

// readable returns ErrCompacted for a view below the compact revision. It must be called
// when the iterators of the read are open: compaction raises the compact revision before
// it removes anything, so what a view at or above it needs is in them.
func (e *Engine) readable(v view) error {
	if v.at < e.CompactRevision() {
		return ErrCompacted
	}
	return nil
}

// shows reports whether the version is to be seen, once it is known to be the
// newest one up to the view's revision.
func (v view) shows(row *versionRow) bool {
	return !row.deleted() && (v.now == 0 || !row.expired(v.now))
}

// seek reads the newest version at or below a version row's key. The row is
// valid until the iterator moves.
func (v view) seek(iter *pebble.Iterator, versionKey []byte) (row versionRow, found bool, err error) {
	if !iter.SeekPrefixGE(versionKey) {
		return versionRow{}, false, iter.Error()
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return versionRow{}, false, err
	}
	row, err = decodeVersionRow(value)
	if err != nil {
		return versionRow{}, false, err
	}
	found = v.shows(&row)
	return row, found, nil
}

// newVersionIter returns an iterator over all version rows.
func (e *Engine) newVersionIter() (*pebble.Iterator, error) {
	return e.newIter([]byte{spaceVersion}, spaceEnd(spaceVersion))
}

// newIter returns an iterator over the rows from lower on and below upper.
func (e *Engine) newIter(lower, upper []byte) (*pebble.Iterator, error) {
	iter, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: lower,
		UpperBound: upper,
		// Pebble by default takes it that the lowest level has what is looked up, and
		// reads a block there instead of asking its filter. But the keys of creates are
		// mostly nowhere, and what a list looks up may be in a level above.
		UseL6Filters: true,
	})
	if err != nil {
		return nil, fmt.Errorf("opening an iterator: %w", err)
	}
	return iter, nil
}

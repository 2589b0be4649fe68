// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// checkEvery is after how many rows a long read looks whether it is still
// wanted.
const checkEvery = 256

// Query selects the records that List yields.
type Query struct {
	// Prefix is what each key begins with. Empty means all keys.
	Prefix []byte
	// From is the first key to yield, if it is above Prefix. To go on behind a
	// key, append a zero byte to it.
	From []byte
	// At is the revision to read at; 0 is the newest.
	At Revision
	// Index, when set, names the index whose value must be IndexValue, or, when
	// IndexMatch is set, one that it holds for. IndexMatch must not keep the
	// value nor call the engine. Without Index.LowCardinality it is asked about every record.
	Index      string
	IndexValue []byte
	IndexMatch func(value []byte) bool
}

// wanted reports whether a value of the index is one of the query.
func (q Query) wanted(value []byte) bool {
	if q.IndexMatch != nil {
		return q.IndexMatch(value)
	}
	return bytes.Equal(value, q.IndexValue)
}

// List yields the records of a query in the order of their keys, until yield
// returns false, and returns the revision that it read at. The slices of a
// record are valid during the call of yield only. What yield does must not
// take long, and must not call Close.
//
// With At 0 keys that have expired are left out. Errors are ErrCompacted,
// ErrFuture, ErrUnknownIndex and the context's.
func (e *Engine) List(ctx context.Context, query Query, yield func(Record) bool) (Revision, error) {
	if err := e.inFlight.begin(); err != nil {
		return 0, err
	}
	defer e.inFlight.end()
	v, err := e.viewAt(query.At)
	if err != nil {
		return 0, err
	}
	if query.Index == "" {
		return v.at, e.scan(ctx, query, v, func(record Record, _ *versionRow) (bool, error) { return yield(record), nil })
	}
	index, err := e.indexNamed(query.Index)
	if err != nil {
		return 0, err
	}
	if values, ok := index.valuesOf(query); ok && index.ready.Load() {
		return v.at, e.lookUp(ctx, query, lookup{index, values}, v, yield)
	}
	return v.at, e.scan(ctx, query, v, func(record Record, row *versionRow) (bool, error) {
		matches, err := index.matches(row, record.Key, query.wanted)
		return err != nil || !matches || yield(record), err
	})
}

// scan visits the records of a key range.
func (e *Engine) scan(ctx context.Context, query Query, v view, visit func(Record, *versionRow) (bool, error)) error {
	iter, err := e.newIter(query.versionBounds())
	if err != nil {
		return err
	}
	err = e.readable(v)
	if err == nil {
		err = v.scan(ctx, iter, visit)
	}
	return errors.Join(err, iter.Close())
}

// scan finds, among the versions of each key, the one that the view shows.
// They are newest first.
func (v view) scan(ctx context.Context, iter *pebble.Iterator, visit func(Record, *versionRow) (bool, error)) error {
	var key []byte
	valid := iter.First()
	for n := 0; valid; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if versionRevision(iter.Key()) > v.at {
			valid = iter.Next()
			continue
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("listing: %w", err)
		}
		row, err := decodeVersionRow(value)
		if err != nil {
			return fmt.Errorf("listing: %w", err)
		}
		if v.shows(&row) {
			var revision Revision
			if key, revision, err = decodeVersionKey(key[:0], iter.Key()); err != nil {
				return fmt.Errorf("listing: %w", err)
			}
			more, err := visit(row.record(key, row.value, revision), &row)
			if err != nil || !more {
				return err
			}
		}
		valid = iter.NextPrefix()
	}
	return wrap("listing", iter.Error())
}

// versionBounds returns the bounds of the version rows of the query's keys.
func (q Query) versionBounds() (lower, upper []byte) {
	lower = appendEscaped([]byte{spaceVersion}, q.Prefix)
	upper = prefixEnd(bytes.Clone(lower))
	if bytes.Compare(q.From, q.Prefix) > 0 {
		lower = appendEscaped([]byte{spaceVersion}, q.From)
	}
	if bytes.Compare(lower, upper) > 0 {
		lower = upper
	}
	return lower, upper
}

// lookup is what a look-up looks for: some values of an index.
type lookup struct {
	index  *index
	values [][]byte
}

// valuesOf returns the values of the index that the query wants, or false when
// they are not known. The view must have been taken before: a value is known
// before a record that has it is published.
func (x *index) valuesOf(query Query) ([][]byte, bool) {
	switch {
	case query.IndexMatch == nil:
		return [][]byte{query.IndexValue}, true
	case x.distinct == nil:
		return nil, false
	default:
		return x.distinct.matching(query.IndexMatch)
	}
}

// lookUp visits the keys that the index has under the values. An index row says
// that some readable version of its key has the value; whether the one that
// the view shows does, that version tells.
func (e *Engine) lookUp(ctx context.Context, query Query, l lookup, v view, yield func(Record) bool) error {
	keys, err := e.newKeyIterator(query, l)
	if err != nil {
		return err
	}
	versions, err := e.newVersionIter()
	if err != nil {
		return errors.Join(err, keys.close())
	}
	err = e.readable(v)
	if err == nil {
		matches := func(row *versionRow, key []byte) (bool, error) { return l.index.matches(row, key, query.wanted) }
		err = wrap("listing by index "+l.index.name, v.lookUp(ctx, keys, versions, matches, yield))
	}
	return errors.Join(err, keys.close(), versions.Close())
}

func (v view) lookUp(ctx context.Context, keys keyIterator, versions *pebble.Iterator,
	matches func(row *versionRow, key []byte) (bool, error), yield func(Record) bool,
) error {
	var seek []byte
	n := 0
	for key := keys.key(); key != nil; key = keys.key() {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		n++
		seek = appendVersionKey(seek[:0], key, v.at)
		row, found, err := v.seek(versions, seek)
		if err != nil {
			return err
		}
		if found {
			if found, err = matches(&row, key); err != nil {
				return err
			}
		}
		if found && !yield(row.record(key, row.value, versionRevision(versions.Key()))) {
			return nil
		}
		keys.next()
	}
	return keys.err()
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// buildChunk is how many versions are indexed while the writer waits.
	buildChunk = 64
	buildRest  = 1
)

// index is one of Config.Indexes as it is in the data directory.
type index struct {
	name   string
	id     indexID
	values func(key, value []byte) ([][]byte, error)
	// ready says that every version has its rows in the index.
	ready atomic.Bool
}

// matches reports whether a version is in the index under the value. A version
// from before the index does not say so itself.
func (x *index) matches(row *versionRow, key, value []byte) (bool, error) {
	known, has, err := row.indexed.find(x.id, value)
	if err != nil || known {
		return has, err
	}
	values, err := x.values(key, row.value)
	if err != nil {
		return false, fmt.Errorf("taking the values of index %s: %w", x.name, err)
	}
	return slices.ContainsFunc(values, func(v []byte) bool { return bytes.Equal(v, value) }), nil
}

// IndexReady reports whether the index covers data from before it was
// declared. List is right in both cases; before that it scans.
func (e *Engine) IndexReady(name string) bool {
	index, err := e.indexNamed(name)
	return err == nil && index.ready.Load()
}

func (e *Engine) indexNamed(name string) (*index, error) {
	for _, index := range e.indexes {
		if index.name == name {
			return index, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownIndex, name)
}

// indexedValues encodes the values of an op in all indexes.
func (e *Engine) indexedValues(op Op) (indexValues, error) {
	if op.Value == nil {
		return nil, nil
	}
	var list indexValues
	for i, index := range e.indexes {
		var values [][]byte
		if op.IndexValues != nil {
			values = op.IndexValues[i]
		} else {
			var err error
			if values, err = index.values(op.Key, op.Value); err != nil {
				return nil, fmt.Errorf("taking the values of index %s: %w", index.name, err)
			}
		}
		for _, value := range values {
			if len(value) > MaxIndexValueBytes {
				return nil, fmt.Errorf("%w: a value of %d bytes for index %s", ErrInvalid, len(value), index.name)
			}
		}
		list = appendIndexValues(list, index.id, values)
	}
	return list, nil
}

// eachIndexValue calls f for every index row that a version has. Indexes that
// the version does not name are younger than it.
func (e *Engine) eachIndexValue(key []byte, row *versionRow, f func(id indexID, value []byte) error) error {
	known := map[indexID]bool{}
	var failed error
	err := row.indexed.each(func(id indexID, values [][]byte) {
		known[id] = true
		for _, value := range values {
			failed = errors.Join(failed, f(id, value))
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	for _, index := range e.indexes {
		if known[index.id] {
			continue
		}
		values, err := index.values(key, row.value)
		if err != nil {
			return fmt.Errorf("taking the values of index %s: %w", index.name, err)
		}
		for _, value := range values {
			if err := f(index.id, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// hasIndexValue reports whether a version is in an index under the value. An
// index that is not declared any more has what the version says.
func (e *Engine) hasIndexValue(id indexID, row *versionRow, key, value []byte) (bool, error) {
	for _, x := range e.indexes {
		if x.id == id {
			return x.matches(row, key, value)
		}
	}
	_, has, err := row.indexed.find(id, value)
	return has, err
}

// loadIndexes gives each declared index its number, and drops those that are
// not declared any more.
func (e *Engine) loadIndexes() error {
	stored, err := e.storedIndexes()
	if err != nil {
		return err
	}
	next, err := readMetaNumber(e.db, metaNextIndex)
	if err != nil {
		return err
	}
	batch := e.db.NewBatch()
	for _, declared := range e.config.Indexes {
		x := &index{name: declared.Name, values: declared.Values}
		if numbers, ok := stored[declared.Name]; ok {
			x.id = indexID(numbers[0]) //nolint:gosec // this package wrote it
			x.ready.Store(numbers[1] == 1)
			delete(stored, declared.Name)
		} else {
			x.id = indexID(next) //nolint:gosec // checked below
			next++
			// There is nothing to index in a new directory.
			x.ready.Store(e.last == firstRevision)
			err = errors.Join(err, setIndex(batch, x))
		}
		e.indexes = append(e.indexes, x)
	}
	if next > 1<<16-1 {
		err = errors.Join(err, fmt.Errorf("%w: the directory has seen too many indexes", ErrInvalid))
	}
	for name, numbers := range stored {
		err = errors.Join(err, dropIndex(batch, name, indexID(numbers[0]))) //nolint:gosec // this package wrote it
	}
	err = errors.Join(err, setMeta(batch, metaNextIndex, next))
	if err == nil {
		err = e.db.Apply(batch, pebble.Sync)
	}
	return wrap("declaring indexes", errors.Join(err, batch.Close()))
}

// storedIndexes returns id and readiness of the indexes in the directory.
func (e *Engine) storedIndexes() (map[string][]uint64, error) {
	prefix := metaKey(metaIndex)
	iter, err := e.newIter(prefix, prefixEnd(bytes.Clone(prefix)))
	if err != nil {
		return nil, err
	}
	stored := map[string][]uint64{}
	for iter.First(); iter.Valid() && err == nil; iter.Next() {
		var numbers []uint64
		numbers, err = decodeNumbers(iter.Value())
		if err == nil && len(numbers) != 2 {
			err = fmt.Errorf("%w: index row of %d numbers", ErrCorrupt, len(numbers))
		}
		stored[strings.TrimPrefix(string(iter.Key()), string(prefix))] = numbers
	}
	return stored, wrap("reading indexes", errors.Join(err, iter.Error(), iter.Close()))
}

func setIndex(batch *pebble.Batch, x *index) error {
	ready := uint64(0)
	if x.ready.Load() {
		ready = 1
	}
	return setMeta(batch, metaIndex+x.name, uint64(x.id), ready)
}

func dropIndex(batch *pebble.Batch, name string, id indexID) error {
	rows := appendIndexSpace(nil, id)
	return errors.Join(
		batch.Delete(metaKey(metaIndex+name), nil),
		batch.DeleteRange(rows, prefixEnd(bytes.Clone(rows)), nil),
	)
}

// buildIndexes adds the rows of versions from before an index.
func (e *Engine) buildIndexes(ctx context.Context) {
	for _, x := range e.indexes {
		if x.ready.Load() {
			continue
		}
		begun := time.Now()
		if err := e.buildIndex(ctx, x); err != nil {
			if ctx.Err() == nil {
				e.backgroundError("building index "+x.name, err)
			}
			continue
		}
		if e.config.Listener.IndexBuilt != nil {
			e.config.Listener.IndexBuilt(x.name, time.Since(begun))
		}
	}
}

func (e *Engine) buildIndex(ctx context.Context, x *index) error {
	for from := []byte{spaceVersion}; from != nil; {
		begun := time.Now()
		var err error
		if from, err = e.buildIndexChunk(x, from); err != nil {
			return err
		}
		if err := rest(ctx, time.Since(begun), buildRest); err != nil {
			return err
		}
	}
	x.ready.Store(true)
	batch := e.db.NewBatch()
	err := setIndex(batch, x)
	if err == nil {
		err = e.db.Apply(batch, pebble.Sync)
	}
	return errors.Join(err, batch.Close())
}

// buildIndexChunk indexes some versions and returns the row to go on with, or
// nil at the end. Compaction must not remove a version of which a row is just
// being added.
func (e *Engine) buildIndexChunk(x *index, from []byte) (next []byte, err error) {
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	iter, err := e.newIter(from, spaceEnd(spaceVersion))
	if err != nil {
		return nil, err
	}
	batch := e.db.NewBatch()
	n := 0
	for iter.First(); iter.Valid() && n < buildChunk && err == nil; iter.Next() {
		err = x.addRows(batch, iter)
		n++
	}
	if iter.Valid() {
		next = bytes.Clone(iter.Key())
	}
	if err = errors.Join(err, iter.Error(), iter.Close()); err == nil {
		err = e.db.Apply(batch, pebble.NoSync)
	}
	return next, errors.Join(err, batch.Close())
}

func (x *index) addRows(batch *pebble.Batch, iter *pebble.Iterator) error {
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
	values, err := x.values(key, row.value)
	if err != nil {
		return fmt.Errorf("taking the values of index %s: %w", x.name, err)
	}
	for _, value := range values {
		if err := batch.Set(appendIndexKey(nil, x.id, value, key), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

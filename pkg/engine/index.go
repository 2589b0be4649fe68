// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// index is one of Config.Indexes as it is in the data directory.
type index struct {
	name   string
	id     indexID
	values func(key, value []byte) ([][]byte, error)
	// ready means that every version stores its values in the index, and has its
	// rows there.
	ready atomic.Bool
	// distinct is nil unless Index.LowCardinality is set.
	distinct *lowCardinalityValues
}

func newIndex(declared Index) *index {
	x := &index{name: declared.Name, values: declared.Values}
	if declared.LowCardinality {
		x.distinct = &lowCardinalityValues{known: map[string]struct{}{}}
	}
	return x
}

// adding is called with each value before it gets a row.
func (x *index) adding(value []byte) {
	if x.distinct != nil {
		x.distinct.add(value)
	}
}

// Flags of an index in its meta row. These values are on disk. Earlier builds did
// not set indexStored: they added the rows of a version that is older than the
// index without its values, and had the value 2 for an index with rows in
// spaceRetired. indexRebuild makes them build an index again that this build has
// not completed.
const (
	indexReady   = 1
	indexRebuild = 4
	indexStored  = 8
)

// indexFlags returns the flags of an index that this build made.
func indexFlags(ready bool) uint64 {
	if ready {
		return indexStored | indexReady
	}
	return indexStored | indexRebuild
}

// flagsReady reports whether an index with the flags is ready.
func flagsReady(flags uint64) bool { return flags&indexStored != 0 && flags&indexReady != 0 }

// derive takes the values of a record that does not store them, because it is
// older than the index.
func (x *index) derive(key, value []byte) ([][]byte, error) {
	values, err := x.values(key, value)
	if err != nil {
		return nil, fmt.Errorf("taking the values of index %s: %w", x.name, err)
	}
	return values, nil
}

// matches reports whether a version has a wanted value in the index. One that does
// not store its values, which Index.Values cannot take, does: whoever asked must
// find that out, or the list would be short of it.
func (x *index) matches(row *versionRow, key []byte, wanted func(value []byte) bool) (bool, error) {
	values, stored, err := row.indexed.of(x.id)
	if err != nil || stored {
		return slices.ContainsFunc(values, wanted), err
	}
	values, err = x.values(key, row.value)
	if err != nil {
		return true, nil //nolint:nilerr // see above
	}
	return slices.ContainsFunc(values, wanted), nil
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
	list := make(indexValues, 0, indexValuesBytes(op.IndexValues))
	for i, index := range e.indexes {
		var values [][]byte
		if op.IndexValues != nil {
			values = op.IndexValues[i]
		} else {
			var err error
			if values, err = index.derive(op.Key, op.Value); err != nil {
				return nil, err
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

// eachStoredValue calls f for the values that the version stores, of indexes that
// are not declared any more too.
func eachStoredValue(row *versionRow, f func(id indexID, value []byte) error) error {
	var failed error
	err := row.indexed.each(func(id indexID, values [][]byte) {
		for _, value := range values {
			failed = errors.Join(failed, f(id, value))
		}
	})
	return errors.Join(err, failed)
}

// loadIndexes gives each declared index its number, and drops those that are
// not declared any more.
func (e *Engine) loadIndexes() error {
	stored, err := storedIndexes(e.db)
	if err != nil {
		return err
	}
	if e.config.KeepIndexes {
		e.keepIndexes(stored)
		return nil
	}
	first, err := readMetaNumber(e.db, metaNextIndex)
	if err != nil {
		return err
	}
	next := first
	batch := e.db.NewBatch()
	for _, declared := range e.config.Indexes {
		x := newIndex(declared)
		numbers, ok := stored[declared.Name]
		if ok {
			x.load(numbers)
		} else {
			x.id = indexID(next) //nolint:gosec // checked below
			next++
			// There is nothing to index in a new directory.
			x.ready.Store(e.last == firstRevision)
		}
		if ok && numbers[1]&indexStored == 0 {
			err = errors.Join(err, deleteIndexRows(batch, x.id), deleteRetiredRows(batch))
		}
		if !ok || numbers[1]&indexStored == 0 {
			err = errors.Join(err, setIndex(batch, x, x.ready.Load()))
		}
		delete(stored, declared.Name)
		e.indexes = append(e.indexes, x)
	}
	if next > 1<<16-1 {
		err = errors.Join(err, fmt.Errorf("%w: the directory has seen too many indexes", ErrInvalid))
	}
	for name, numbers := range stored {
		err = errors.Join(err, dropIndex(batch, name, numbers))
	}
	if next != first {
		err = errors.Join(err, setMeta(batch, metaNextIndex, next))
	}
	// After a crash under load a write may have to wait until Pebble has caught
	// up, and so would whoever opens the directory.
	if err == nil && !batch.Empty() {
		err = e.db.Apply(batch, pebble.Sync)
	}
	return wrap("declaring indexes", errors.Join(err, batch.Close()))
}

// load takes over what the directory knows of the index.
func (x *index) load(numbers []uint64) {
	x.id = indexID(numbers[0]) //nolint:gosec // this package wrote it
	x.ready.Store(flagsReady(numbers[1]))
}

// keepIndexes takes the indexes as they are in the directory.
func (e *Engine) keepIndexes(stored map[string][]uint64) {
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		x := &index{name: name, values: e.config.valuesOf(name)}
		x.load(stored[name])
		e.indexes = append(e.indexes, x)
	}
}

var errNotDeclared = errors.New("the index is not declared")

// valuesOf returns the function of a declared index, or one that knows nothing.
func (c Config) valuesOf(name string) func(key, value []byte) ([][]byte, error) {
	for _, declared := range c.Indexes {
		if declared.Name == name {
			return declared.Values
		}
	}
	return func(_, _ []byte) ([][]byte, error) { return nil, errNotDeclared }
}

// storedIndexes returns id and flags of the indexes in the directory.
func storedIndexes(db pebble.Reader) (map[string][]uint64, error) {
	prefix := metaKey(metaIndex)
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(bytes.Clone(prefix))})
	if err != nil {
		return nil, fmt.Errorf("reading indexes: %w", err)
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

func setIndex(batch *pebble.Batch, x *index, ready bool) error {
	return setMeta(batch, metaIndex+x.name, uint64(x.id), indexFlags(ready))
}

// dropIndex removes an index with the numbers in its meta row. Versions keep the
// values that they store until they are written again.
func dropIndex(batch *pebble.Batch, name string, numbers []uint64) error {
	err := errors.Join(
		batch.Delete(metaKey(metaIndex+name), nil),
		deleteIndexRows(batch, indexID(numbers[0]))) //nolint:gosec // this package wrote it
	if numbers[1]&indexStored == 0 {
		err = errors.Join(err, deleteRetiredRows(batch))
	}
	return err
}

func deleteIndexRows(batch *pebble.Batch, id indexID) error {
	rows := appendIndexSpace(nil, id)
	return batch.DeleteRange(rows, prefixEnd(bytes.Clone(rows)), nil)
}

// deleteRetiredRows removes the rows of a space that only earlier builds used.
func deleteRetiredRows(batch *pebble.Batch) error {
	return batch.DeleteRange([]byte{spaceRetired}, spaceEnd(spaceRetired), nil)
}

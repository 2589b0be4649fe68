// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// buildChunk is how many versions are indexed while compaction waits.
	buildChunk = 64
	buildRest  = 1

	// firstRebuild and lastRebuild are how long after a failure an index is built
	// again, at first and at last.
	firstRebuild = 10 * time.Second
	lastRebuild  = time.Hour
)

// index is one of Config.Indexes as it is in the data directory.
type index struct {
	name   string
	id     indexID
	values func(key, value []byte) ([][]byte, error)
	// ready says that every version has its rows in the index.
	ready atomic.Bool
	// undecided says that there may be keys whose values could not be told. It is
	// raised before the first of them has its row.
	undecided atomic.Bool
	// leftovers says that there may be rows that no version needs, because the
	// values of a removed version could not be told. The index is built anew when
	// the directory is opened again.
	leftovers atomic.Bool
	// few is nil unless Index.Few is set.
	few *fewValues
}

func newIndex(declared Index) *index {
	x := &index{name: declared.Name, values: declared.Values}
	if declared.Few {
		x.few = &fewValues{known: map[string]struct{}{}}
	}
	return x
}

// adding is told of each value before it gets a row.
func (x *index) adding(value []byte) {
	if x.few != nil {
		x.few.add(value)
	}
}

// Flags of an index in its meta row. These values are on disk. Builds that
// know the first one alone take an index with others for one that is not ready.
const (
	indexReady = 1 << iota
	indexUndecided
	indexLeftovers
)

func (x *index) flags() uint64 {
	var flags uint64
	if x.ready.Load() {
		flags |= indexReady
	}
	if x.undecided.Load() {
		flags |= indexUndecided
	}
	if x.leftovers.Load() {
		flags |= indexLeftovers
	}
	return flags
}

// derive takes the values of a record that does not say them itself, because it
// is older than the index.
func (x *index) derive(key, value []byte) ([][]byte, error) {
	values, err := x.values(key, value)
	if err != nil {
		return nil, fmt.Errorf("taking the values of index %s: %w", x.name, err)
	}
	return values, nil
}

// matches reports whether a version is in the index under a wanted value. One
// whose values cannot be told is: whoever asked must find that out, or the list
// would be short of it.
func (x *index) matches(row *versionRow, key []byte, wanted func(value []byte) bool) (bool, error) {
	known, has := false, false
	err := row.indexed.each(func(id indexID, values [][]byte) {
		if id == x.id {
			known, has = true, slices.ContainsFunc(values, wanted)
		}
	})
	if err != nil || known {
		return has, err
	}
	values, err := x.values(key, row.value)
	if err != nil {
		return true, nil //nolint:nilerr // see above
	}
	return slices.ContainsFunc(values, wanted), nil
}

func contains(values [][]byte, value []byte) bool {
	return slices.ContainsFunc(values, func(v []byte) bool { return bytes.Equal(v, value) })
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

// notStoring returns the indexes whose values the version does not say, for they
// are younger than it.
func (e *Engine) notStoring(row *versionRow) ([]*index, error) {
	declared := 0
	err := row.indexed.each(func(id indexID, _ [][]byte) {
		if slices.ContainsFunc(e.indexes, func(x *index) bool { return x.id == id }) {
			declared++
		}
	})
	if err != nil || declared == len(e.indexes) {
		return nil, err
	}
	var younger []*index
	for _, x := range e.indexes {
		stores, err := row.indexed.stores(x.id)
		if err != nil {
			return nil, err
		}
		if !stores {
			younger = append(younger, x)
		}
	}
	return younger, nil
}

// eachStoredValue calls f for the values that the version says itself, of
// indexes that are not declared any more too.
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
		if ok && numbers[1]&indexLeftovers == 0 {
			x.load(numbers)
		} else {
			if ok {
				err = errors.Join(err, dropIndex(batch, declared.Name, indexID(numbers[0]))) //nolint:gosec // this package wrote it
			}
			x.id = indexID(next) //nolint:gosec // checked below
			next++
			// There is nothing to index in a new directory.
			x.ready.Store(e.last == firstRevision)
			err = errors.Join(err, setIndex(batch, x))
		}
		delete(stored, declared.Name)
		e.indexes = append(e.indexes, x)
	}
	if next > 1<<16-1 {
		err = errors.Join(err, fmt.Errorf("%w: the directory has seen too many indexes", ErrInvalid))
	}
	for name, numbers := range stored {
		err = errors.Join(err, dropIndex(batch, name, indexID(numbers[0]))) //nolint:gosec // this package wrote it
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
	x.ready.Store(numbers[1]&indexReady != 0)
	x.undecided.Store(numbers[1]&indexUndecided != 0)
	x.leftovers.Store(numbers[1]&indexLeftovers != 0)
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

func setIndex(batch *pebble.Batch, x *index) error {
	return setMeta(batch, metaIndex+x.name, uint64(x.id), x.flags())
}

func dropIndex(batch *pebble.Batch, name string, id indexID) error {
	err := batch.Delete(metaKey(metaIndex+name), nil)
	for _, rows := range [][]byte{appendIndexSpace(nil, id), undecidedSpace(id)} {
		err = errors.Join(err, batch.DeleteRange(rows, prefixEnd(bytes.Clone(rows)), nil))
	}
	return err
}

// keepBuilding builds the indexes that are not ready, and retries after a failure
// until all are. What was indexed before the failure is indexed again, which
// changes nothing.
func (e *Engine) keepBuilding(ctx context.Context) {
	for wait := firstRebuild; !e.buildIndexes(ctx); wait = min(2*wait, lastRebuild) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// buildIndexes adds the rows of versions from before an index. It reports whether
// there is nothing left to try again: all indexes are ready, or nothing can be
// written any more.
func (e *Engine) buildIndexes(ctx context.Context) (done bool) {
	done = true
	for _, x := range e.indexes {
		if x.ready.Load() {
			continue
		}
		begun := time.Now()
		if err := e.buildIndex(ctx, x); err != nil {
			if ctx.Err() != nil || e.failed() != nil {
				return true
			}
			e.backgroundError("building index "+x.name, err)
			done = false
			continue
		}
		if e.config.Listener.IndexBuilt != nil {
			e.config.Listener.IndexBuilt(x.name, time.Since(begun))
		}
	}
	return done
}

func (e *Engine) buildIndex(ctx context.Context, x *index) error {
	left := undecidedKeys{}
	chunk := func(from []byte) ([]byte, error) { return e.buildIndexChunk(ctx, x, from, &left) }
	if err := e.inChunks(ctx, []byte{spaceVersion}, chunk); err != nil {
		return err
	}
	x.ready.Store(true)
	e.tellUndecided(x, left)
	return e.saveIndex(x)
}

// inChunks calls chunk with the row to go on with until it returns nil.
// Compaction, which must not run meanwhile, runs in between.
func (e *Engine) inChunks(ctx context.Context, from []byte, chunk func(from []byte) ([]byte, error)) error {
	for from != nil {
		e.compactLock.Lock()
		begun := time.Now()
		var err error
		from, err = chunk(from)
		took := time.Since(begun)
		e.compactLock.Unlock()
		if err := errors.Join(err, rest(ctx, took, buildRest)); err != nil {
			return err
		}
	}
	return nil
}

// saveIndex writes the flags of the index. Compaction may be about to write
// them, too.
func (e *Engine) saveIndex(x *index) error {
	e.compactLock.Lock()
	defer e.compactLock.Unlock()
	batch := e.db.NewBatch()
	err := setIndex(batch, x)
	if err == nil {
		err = e.db.Apply(batch, pebble.Sync)
	}
	return errors.Join(err, batch.Close())
}

// buildIndexChunk indexes some versions and returns the row to go on with, or
// nil at the end. Compaction must not remove a version of which a row is just
// being added, so compactLock is held. The writer may go on: it only adds rows,
// of versions that say their values themselves.
func (e *Engine) buildIndexChunk(ctx context.Context, x *index, from []byte, left *undecidedKeys) (next []byte, err error) {
	iter, err := e.newIter(from, spaceEnd(spaceVersion))
	if err != nil {
		return nil, err
	}
	batch := e.db.NewBatch()
	n := 0
	for iter.First(); iter.Valid() && n < buildChunk && err == nil; iter.Next() {
		// Taking the values may take long.
		if err = ctx.Err(); err == nil {
			err = x.addRows(batch, iter, left)
		}
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

func (x *index) addRows(batch *pebble.Batch, iter *pebble.Iterator, left *undecidedKeys) error {
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
	if stores, err := row.indexed.stores(x.id); err != nil || stores {
		return err
	}
	values, err := x.derive(key, row.value)
	if err != nil {
		left.add(err)
		return x.leaveUndecided(batch, key)
	}
	return x.setRows(batch, key, values)
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

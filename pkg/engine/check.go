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

// Check reads everything and compares it: revisions without a gap, each change
// with its versions, versions with their index and expiry rows and the reverse,
// and the counters. It returns the first thing that is wrong as an ErrCorrupt.
// It sees one moment and may run while the engine is used.
func (e *Engine) Check(ctx context.Context) error {
	if err := e.calls.begin(); err != nil {
		return err
	}
	defer e.calls.end()
	// An index that becomes ready later than this is not in the snapshot.
	ready := map[indexID]string{}
	for _, x := range e.indexes {
		if x.ready.Load() {
			ready[x.id] = x.name
		}
	}
	snapshot := e.db.NewSnapshot()
	c := &checker{engine: e, snapshot: snapshot, ready: ready}
	return errors.Join(c.run(ctx), snapshot.Close())
}

type checker struct {
	engine   *Engine
	snapshot *pebble.Snapshot
	// ready are the names of the indexes that must be whole.
	ready map[indexID]string
	// flags are those of the indexes in the snapshot.
	flags map[indexID]uint64
	// compacted is the revision up to which change rows may be gone.
	compacted Revision
	counted   counters
}

func (c *checker) run(ctx context.Context) error {
	compacted, err := readMetaNumber(c.snapshot, metaCompacted)
	if err != nil {
		return err
	}
	c.compacted = Revision(compacted)
	stored, err := storedIndexes(c.snapshot)
	if err != nil {
		return err
	}
	c.flags = map[indexID]uint64{}
	for _, numbers := range stored {
		c.flags[indexID(numbers[0])] = numbers[1] //nolint:gosec // this package wrote it
	}
	checks := []struct {
		space byte
		row   func(key, value []byte) error
	}{
		{spaceChange, c.changes()},
		{spaceVersion, c.versions()},
		{spaceIndex, c.indexRow},
		{spaceUndecided, c.undecidedRow},
		{spaceExpiry, c.expiryRow},
	}
	for _, check := range checks {
		if err := c.each(ctx, check.space, check.row); err != nil {
			return err
		}
	}
	return c.counters()
}

// each calls f for all rows of a space.
func (c *checker) each(ctx context.Context, space byte, f func(key, value []byte) error) error {
	iter, err := c.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{space}, UpperBound: spaceEnd(space)})
	if err != nil {
		return fmt.Errorf("checking: %w", err)
	}
	n := 0
	for iter.First(); iter.Valid() && err == nil; iter.Next() {
		if n++; n%checkEvery == 0 {
			err = ctx.Err()
		}
		var value []byte
		if err == nil {
			value, err = iter.ValueAndErr()
		}
		if err == nil {
			err = f(iter.Key(), value)
		}
	}
	return errors.Join(err, iter.Error(), iter.Close())
}

// changes checks that revisions follow each other and have their versions.
func (c *checker) changes() func(key, value []byte) error {
	next := c.compacted + 1
	return func(key, value []byte) error {
		revision, err := decodeChangeKey(key)
		if err != nil {
			return err
		}
		row, err := decodeChangeRow(value)
		if err != nil {
			return err
		}
		if revision <= c.compacted {
			return nil
		}
		if revision != next {
			return fmt.Errorf("%w: change %d stands where %d is due", ErrCorrupt, revision, next)
		}
		next++
		version, found, err := c.version(row.key, revision)
		if err != nil {
			return err
		}
		if !found || version.flags != row.flags || version.createRevision != row.createRevision {
			return fmt.Errorf("%w: change %d of key %q does not agree with its version", ErrCorrupt, revision, row.key)
		}
		if row.prevRevision == 0 {
			return nil
		}
		if _, found, err = c.version(row.key, row.prevRevision); err != nil || found {
			return err
		}
		return fmt.Errorf("%w: change %d of key %q lacks the version %d before it", ErrCorrupt, revision, row.key, row.prevRevision)
	}
}

// versions checks that each version has a change, unless that is compacted, and
// its index and expiry rows, and that compaction left none behind.
func (c *checker) versions() func(key, value []byte) error {
	var lastKey []byte
	var lastRevision Revision
	return func(rowKey, value []byte) error {
		key, revision, err := decodeVersionKey(nil, rowKey)
		if err != nil {
			return err
		}
		row, err := decodeVersionRow(value)
		if err != nil {
			return err
		}
		newest := !bytes.Equal(key, lastKey)
		if !newest && lastRevision <= c.compacted {
			return fmt.Errorf("%w: version %d of key %q outlived its compaction", ErrCorrupt, revision, key)
		}
		lastKey, lastRevision = key, revision
		if row.deleted() && revision <= c.compacted {
			return fmt.Errorf("%w: deletion %d of key %q outlived its compaction", ErrCorrupt, revision, key)
		}
		if revision > c.compacted {
			if err := c.has(appendChangeKey(nil, revision), "change row", key, revision); err != nil {
				return err
			}
		}
		if row.deleted() {
			return nil
		}
		if newest {
			c.counted.add(key, row.value)
			if row.deadline != 0 {
				if err := c.has(appendExpiryKey(nil, row.deadline, revision), "expiry row", key, revision); err != nil {
					return err
				}
			}
		}
		return c.indexed(key, revision, &row)
	}
}

func (c *checker) indexed(key []byte, revision Revision, row *versionRow) error {
	err := eachStoredValue(row, func(id indexID, value []byte) error {
		name, ready := c.ready[id]
		if !ready {
			return nil
		}
		return c.has(appendIndexKey(nil, id, value, key), "row in index "+name, key, revision)
	})
	if err != nil {
		return err
	}
	younger, err := c.engine.notStoring(row)
	if err != nil {
		return err
	}
	for _, x := range younger {
		if err := c.derived(x, key, revision, row); err != nil {
			return err
		}
	}
	return nil
}

// derived checks the rows of a version that is older than the index. Its values
// may not be told now, or may not have been when the rows were added.
func (c *checker) derived(x *index, key []byte, revision Revision, row *versionRow) error {
	if _, ready := c.ready[x.id]; !ready {
		return nil
	}
	values, err := x.derive(key, row.value)
	if err != nil {
		return nil //nolint:nilerr // either form of its rows is right
	}
	undecided, err := c.exists(undecidedKey(x.id, key))
	if err != nil || undecided {
		return err
	}
	for _, value := range values {
		if err := c.has(appendIndexKey(nil, x.id, value, key), "row in index "+x.name, key, revision); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) has(row []byte, what string, key []byte, revision Revision) error {
	found, err := c.exists(row)
	if err != nil || found {
		return err
	}
	return fmt.Errorf("%w: version %d of key %q has no %s", ErrCorrupt, revision, key, what)
}

func (c *checker) exists(row []byte) (bool, error) {
	_, closer, err := c.snapshot.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("checking: %w", err)
	}
	return true, closer.Close()
}

// indexRow checks that some version has the value.
func (c *checker) indexRow(row, _ []byte) error {
	id, value, key, err := decodeIndexKey(row)
	if err != nil {
		return err
	}
	if c.flags[id]&indexLeftovers != 0 {
		return nil
	}
	x := c.declared(id)
	has, err := c.anyVersion(key, func(version *versionRow) (bool, error) {
		if x == nil {
			_, has, err := version.indexed.find(id, value)
			return has, err
		}
		return x.matches(version, key, value)
	})
	if err != nil || has {
		return err
	}
	return fmt.Errorf("%w: index %d has key %q under %q, which no version of it has", ErrCorrupt, id, key, value)
}

// undecidedRow checks that some version is older than the index.
func (c *checker) undecidedRow(row, _ []byte) error {
	id, key, err := decodeUndecidedKey(row)
	if err != nil {
		return err
	}
	if c.flags[id]&indexLeftovers != 0 {
		return nil
	}
	older, err := c.anyVersion(key, func(version *versionRow) (bool, error) {
		stores, err := version.indexed.stores(id)
		return !stores, err
	})
	if err != nil || older && c.flags[id]&indexUndecided != 0 {
		return err
	}
	return fmt.Errorf("%w: key %q is undecided in index %d, which knows all its versions", ErrCorrupt, key, id)
}

func (c *checker) declared(id indexID) *index {
	for _, x := range c.engine.indexes {
		if x.id == id {
			return x
		}
	}
	return nil
}

// anyVersion reports whether f is true of a version of the key.
func (c *checker) anyVersion(key []byte, f func(*versionRow) (bool, error)) (bool, error) {
	iter, err := c.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceVersion}, UpperBound: spaceEnd(spaceVersion)})
	if err != nil {
		return false, fmt.Errorf("checking: %w", err)
	}
	is := false
	for valid := iter.SeekPrefixGE(appendVersionPrefix(nil, key)); valid && !is && err == nil; valid = iter.Next() {
		var version versionRow
		if version, err = decodeVersionRow(iter.Value()); err == nil && !version.deleted() {
			is, err = f(&version)
		}
	}
	return is, errors.Join(err, iter.Error(), iter.Close())
}

// expiryRow checks that the row is for the newest version of its key.
func (c *checker) expiryRow(row, key []byte) error {
	deadline, revision, err := decodeExpiryKey(row)
	if err != nil {
		return err
	}
	version, found, err := c.version(key, 0)
	if err != nil {
		return err
	}
	if !found || version.deleted() || version.deadline != deadline {
		return fmt.Errorf("%w: expiry row of key %q at revision %d is left over", ErrCorrupt, key, revision)
	}
	return nil
}

// version reads a version, 0 meaning the newest.
func (c *checker) version(key []byte, revision Revision) (versionRow, bool, error) {
	iter, err := c.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceVersion}, UpperBound: spaceEnd(spaceVersion)})
	if err != nil {
		return versionRow{}, false, fmt.Errorf("checking: %w", err)
	}
	seek := appendVersionPrefix(nil, key)
	if revision != 0 {
		seek = appendVersionSuffix(seek, revision)
	}
	var row versionRow
	found := iter.SeekPrefixGE(seek) && (revision == 0 || versionRevision(iter.Key()) == revision)
	if found {
		row, err = decodeVersionRow(bytes.Clone(iter.Value()))
	}
	return row, found, errors.Join(err, iter.Error(), iter.Close())
}

func (c *checker) counters() error {
	numbers, err := readMeta(c.snapshot, metaCounters)
	if err != nil {
		return err
	}
	var stored counters
	if len(numbers) == 2 {
		stored = countersOf(numbers)
	}
	if stored != c.counted {
		return fmt.Errorf("%w: counted %d keys with %d bytes, found %d with %d", ErrCorrupt,
			stored.keys, stored.bytes, c.counted.keys, c.counted.bytes)
	}
	return nil
}

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
	checks := []struct {
		space byte
		row   func(key, value []byte) error
	}{
		{spaceChange, c.changes()},
		{spaceVersion, c.versions()},
		{spaceIndex, c.indexRow},
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
	return c.engine.eachIndexValue(key, row, func(id indexID, value []byte) error {
		name, ready := c.ready[id]
		if !ready {
			return nil
		}
		return c.has(appendIndexKey(nil, id, value, key), "row in index "+name, key, revision)
	})
}

func (c *checker) has(row []byte, what string, key []byte, revision Revision) error {
	_, closer, err := c.snapshot.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("%w: version %d of key %q has no %s", ErrCorrupt, revision, key, what)
	}
	if err != nil {
		return fmt.Errorf("checking: %w", err)
	}
	return closer.Close()
}

// indexRow checks that some version has the value.
func (c *checker) indexRow(row, _ []byte) error {
	id, value, key, err := decodeIndexKey(row)
	if err != nil {
		return err
	}
	iter, err := c.snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceVersion}, UpperBound: spaceEnd(spaceVersion)})
	if err != nil {
		return fmt.Errorf("checking: %w", err)
	}
	has := false
	for valid := iter.SeekPrefixGE(appendVersionPrefix(nil, key)); valid && !has && err == nil; valid = iter.Next() {
		var version versionRow
		if version, err = decodeVersionRow(iter.Value()); err == nil && !version.deleted() {
			has, err = c.engine.hasIndexValue(id, &version, key, value)
		}
	}
	if err := errors.Join(err, iter.Error(), iter.Close()); err != nil {
		return err
	}
	if !has {
		return fmt.Errorf("%w: index %d has key %q under %q, which no version of it has", ErrCorrupt, id, key, value)
	}
	return nil
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

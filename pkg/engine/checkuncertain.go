// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Some indexes may have rows more or less than the versions call for: those with
// undecided keys, those with leftovers, and those of which some values cannot be
// told now. Sums cannot compare what may differ, so the rows of these are looked
// up one by one.

// oneByOne checks the indexes that are not certain, and what is undecided.
func (c *checker) oneByOne(ctx context.Context) error {
	uncertain := slices.DeleteFunc(c.sortedIndexes(), func(x *checkedIndex) bool { return !x.ready() || x.certain() })
	c.second = false
	if len(uncertain) > 0 {
		err := c.each(ctx, "versions by index", spaceVersion, func(key, value []byte) { c.look(c.needsRows(uncertain, key, value)) })
		if err != nil {
			return err
		}
		err = c.each(ctx, "index rows one by one", spaceIndex, func(row, _ []byte) { c.look(c.neededRow(uncertain, row)) })
		if err != nil {
			return err
		}
	}
	return c.each(ctx, "undecided keys", spaceUndecided, func(row, _ []byte) { c.look(c.undecidedRow(row)) })
}

// look notes what kept a row from being looked at.
func (c *checker) look(err error) {
	if err != nil {
		c.unread = true
		c.corrupt("%w", namingFile(err))
	}
}

// needsRows checks the rows of a version in the indexes.
func (c *checker) needsRows(indexes []*checkedIndex, rowKey, value []byte) error {
	key, _, err := decodeVersionKey(nil, rowKey)
	if err != nil {
		return nil //nolint:nilerr // it was noted when versions were read
	}
	row, err := decodeVersionRow(value)
	if err != nil || row.deleted() {
		return nil //nolint:nilerr // it was noted when versions were read
	}
	for _, x := range indexes {
		values, told, err := c.valuesIn(x, key, &row)
		if err != nil {
			return err
		}
		for _, value := range values {
			if err := c.has(x, key, value, told); err != nil {
				return err
			}
		}
	}
	return nil
}

// valuesIn returns the values of a version in an index, and whether it says them
// itself. Those of one that does not may be unknown, and there are none then.
func (c *checker) valuesIn(x *checkedIndex, key []byte, row *versionRow) (values [][]byte, told bool, err error) {
	err = row.indexed.each(func(id indexID, found [][]byte) {
		if id == x.id {
			values, told = slices.Clone(found), true
		}
	})
	if err != nil || told {
		return values, told, err
	}
	if values, err = x.values(key, row.value); err != nil {
		x.opaque = true
		return nil, false, nil //nolint:nilerr // either form of its rows is right
	}
	return values, false, nil
}

// has notes a missing row, unless it may be missing because its key is undecided.
func (c *checker) has(x *checkedIndex, key, value []byte, told bool) error {
	row := appendIndexKey(nil, x.id, value, key)
	found, err := c.exists(row)
	if err == nil && !found && !told {
		found, err = c.exists(undecidedKey(x.id, key))
	}
	if err == nil && !found {
		c.problem(x.missing(row))
	}
	return err
}

func (c *checker) exists(row []byte) (bool, error) {
	_, closer, err := c.reader.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}

// neededRow checks that some version has, or may have, the value of an index row.
func (c *checker) neededRow(indexes []*checkedIndex, row []byte) error {
	i := slices.IndexFunc(indexes, func(x *checkedIndex) bool { return len(row) > indexIDBytes && x.id == indexIDOf(row) })
	if i < 0 || indexes[i].flags&indexLeftovers != 0 {
		return nil
	}
	x := indexes[i]
	_, value, key, err := decodeIndexKey(row)
	if err != nil {
		c.problem(x.leftOver(row))
		return nil //nolint:nilerr // it is noted
	}
	needed, err := c.anyVersion(key, func(version *versionRow) (bool, error) {
		known, has, err := version.indexed.find(x.id, value)
		if err != nil || known {
			return has, err
		}
		values, err := x.values(key, version.value)
		return err != nil || contains(values, value), nil //nolint:nilerr // it may have the value
	})
	if err == nil && !needed {
		c.problem(x.leftOver(row))
	}
	return err
}

// undecidedRow checks that some version is older than the index.
func (c *checker) undecidedRow(row []byte) error {
	id, key, err := decodeUndecidedKey(row)
	if err != nil {
		return err
	}
	x, known := c.indexes[id]
	if !known {
		c.corrupt("key %q is undecided in index %d, which is not there", key, id)
		return nil
	}
	if x.flags&indexLeftovers != 0 {
		return nil
	}
	older, err := c.anyVersion(key, func(version *versionRow) (bool, error) {
		stores, err := version.indexed.stores(id)
		return !stores, err
	})
	if err == nil && (!older || x.flags&indexUndecided == 0) {
		c.corrupt("key %q is undecided in index %s, which knows all its versions", key, x.name)
	}
	return err
}

// anyVersion reports whether f is true of a version of the key.
func (c *checker) anyVersion(key []byte, f func(*versionRow) (bool, error)) (bool, error) {
	iter, err := c.reader.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceVersion}, UpperBound: spaceEnd(spaceVersion)})
	if err != nil {
		return false, err
	}
	is := false
	for valid := iter.SeekPrefixGE(appendVersionPrefix(nil, key)); valid && !is && err == nil; valid = iter.Next() {
		var version versionRow
		if version, err = decodeVersionRow(bytes.Clone(iter.Value())); err == nil && !version.deleted() {
			is, err = f(&version)
		}
	}
	return is, errors.Join(err, iter.Error(), iter.Close())
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// derivation names the values in an index of a version that is older than the
// index. No two versions have the same revision.
type derivation struct {
	id       indexID
	revision Revision
}

type derived struct {
	values [][]byte
	// err is why the values cannot be told.
	err error
}

// derivations are what compaction needs to know of versions that are older than
// an index. They are taken before rowLock is, for looking into values may take
// long. The versions that the writer adds meanwhile say their values themselves.
type derivations map[derivation]derived

// derive takes the values of versions that go, and of those that stay with them.
func (e *Engine) derive(ctx context.Context, gone []superseded) (derivations, error) {
	all := derivations{}
	versions, err := e.newVersionIter()
	if err != nil {
		return nil, err
	}
	for i := range gone {
		if err = e.deriveKey(ctx, all, versions, &gone[i]); err != nil {
			break
		}
	}
	return all, errors.Join(err, versions.Close())
}

func (e *Engine) deriveKey(ctx context.Context, all derivations, versions *pebble.Iterator, s *superseded) error {
	if s.row.deleted() {
		return nil
	}
	younger, err := e.notStoring(&s.row)
	if err != nil || len(younger) == 0 {
		return err
	}
	related, err := newerVersions(versions, s)
	if err != nil {
		return err
	}
	related = append(related, *s)
	for _, x := range younger {
		for i := range related {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := all.add(x, &related[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes the values of the version, unless it says them itself.
func (d derivations) add(x *index, s *superseded) error {
	name := derivation{x.id, s.revision}
	if _, known := d[name]; known {
		return nil
	}
	stores, err := s.row.indexed.stores(x.id)
	if err != nil || stores {
		return err
	}
	values, err := x.derive(s.key, s.row.value)
	d[name] = derived{values, err}
	return nil
}

// has reports whether a version is in the index under the value. It is not sure
// for a version whose values cannot be told.
func (d derivations) has(x *index, s *superseded, value []byte) (has, sure bool, err error) {
	known, has, err := s.row.indexed.find(x.id, value)
	if err != nil || known {
		return has, true, err
	}
	version, known := d[derivation{x.id, s.revision}]
	if !known {
		return false, false, fmt.Errorf("%w: version %d appeared without values for index %s", ErrCorrupt, s.revision, x.name)
	}
	return contains(version.values, value), version.err == nil, nil
}

// removeDerivedRows removes the rows of a version in the indexes that are
// younger than it. The newer versions stay.
func (e *Engine) removeDerivedRows(batch *pebble.Batch, s *superseded, newer []superseded, all derivations) error {
	younger, err := e.notStoring(&s.row)
	if err != nil {
		return err
	}
	for _, x := range younger {
		if err := e.removeDerived(batch, x, s, newer, all); err != nil {
			return fmt.Errorf("removing rows of index %s: %w", x.name, err)
		}
	}
	return nil
}

func (e *Engine) removeDerived(batch *pebble.Batch, x *index, s *superseded, newer []superseded, all derivations) error {
	own := all[derivation{x.id, s.revision}]
	leftovers := false
	for _, value := range own.values {
		needed, sure, err := all.needed(x, newer, value)
		if err != nil {
			return err
		}
		if needed {
			leftovers = leftovers || !sure
			continue
		}
		if err := batch.Delete(appendIndexKey(nil, x.id, value, s.key), nil); err != nil {
			return err
		}
	}
	undecided, err := e.removeUndecided(batch, x, s.key, newer)
	if err != nil {
		return err
	}
	// What cannot be told now could be told when the rows were added, unless the
	// key is undecided.
	leftovers = leftovers || own.err != nil && !undecided
	if leftovers && !x.leftovers.Swap(true) {
		return setIndex(batch, x)
	}
	return nil
}

// needed reports whether one of the versions has, or may have, the value.
func (d derivations) needed(x *index, versions []superseded, value []byte) (needed, sure bool, err error) {
	for i := range versions {
		has, sure, err := d.has(x, &versions[i], value)
		if err != nil || has && sure {
			return has, true, err
		}
		needed = needed || !sure
	}
	return needed, !needed, nil
}

// removeUndecided removes the row of an undecided key when none of its versions
// is older than the index any more. It reports whether there is such a row.
func (e *Engine) removeUndecided(batch *pebble.Batch, x *index, key []byte, newer []superseded) (bool, error) {
	if !x.undecided.Load() {
		return false, nil
	}
	row := undecidedKey(x.id, key)
	_, closer, err := e.db.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := closer.Close(); err != nil {
		return false, err
	}
	for i := range newer {
		if stores, err := newer[i].row.indexed.stores(x.id); err != nil || !stores {
			return true, err
		}
	}
	return true, batch.Delete(row, nil)
}

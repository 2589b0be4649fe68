// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// maxChanges is how many changes Next returns at most.
	maxChanges = 1024
	// maxReadBytes is how many bytes of values Next reads from the disk at once,
	// give or take one change.
	maxReadBytes = 4 * mib
)

// Change is one commit as a subscriber sees it. Its slices are shared by all
// subscribers and must not be written to; they may be kept.
type Change struct {
	Revision Revision
	// PrevRevision is the version that this change replaced or deleted; 0 when
	// the key did not exist.
	PrevRevision Revision
	// CreateRevision is the commit that made the key; for a deletion, the key
	// that was deleted.
	CreateRevision Revision
	Key            []byte
	// Value is nil for a deletion. PrevValue is nil when the key did not exist.
	Value, PrevValue []byte
	// Deleted is set if the key is gone, Expired if its deadline was the
	// reason.
	Deleted, Expired bool
}

// Subscription reads the changes after a revision, one after the other. It is
// for one goroutine. It holds nothing open and need not be closed.
type Subscription struct {
	engine *Engine
	after  Revision
}

// Subscribe returns a subscription to the changes after the revision. It
// returns ErrCompacted when after is below the compact revision and ErrFuture when it
// is not published.
func (e *Engine) Subscribe(after Revision) (*Subscription, error) {
	if err := e.inFlight.begin(); err != nil {
		return nil, err
	}
	defer e.inFlight.end()
	if after > e.Revision() {
		return nil, ErrFuture
	}
	if after < e.CompactRevision() {
		return nil, ErrCompacted
	}
	return &Subscription{engine: e, after: after}, nil
}

// Revision returns the revision up to which Next has returned changes.
func (s *Subscription) Revision() Revision { return s.after }

// Next waits for changes and returns the next ones, in the order of their
// revisions with none left out. It returns ErrCompacted when the compact revision went
// past what this subscriber has read, ErrClosed when the engine was closed, and
// the context's error.
func (s *Subscription) Next(ctx context.Context) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.engine.changes.wait(ctx, s.after, s.engine.stopping); err != nil {
		return nil, err
	}
	if err := s.engine.inFlight.begin(); err != nil {
		return nil, err
	}
	defer s.engine.inFlight.end()
	changes, gone := s.engine.changes.after(s.after, maxChanges)
	if gone {
		var err error
		if changes, err = s.engine.readChanges(s.after); err != nil {
			return nil, err
		}
	}
	s.after = changes[len(changes)-1].Revision
	return changes, nil
}

// readChanges reads the first changes after the revision from the disk.
func (e *Engine) readChanges(after Revision) ([]Change, error) {
	until := e.Revision()
	rows, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: appendChangeKey(nil, after+1),
		UpperBound: appendChangeKey(nil, until+1),
	})
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	versions, err := e.newVersionIter()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading changes: %w", err), rows.Close())
	}
	changes, err := e.collectChanges(rows, versions, after)
	if err := errors.Join(err, rows.Close(), versions.Close()); err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return changes, nil
}

func (e *Engine) collectChanges(rows, versions *pebble.Iterator, after Revision) ([]Change, error) {
	// The compact revision is looked at when the iterators are open: what they show was
	// complete then.
	if after < e.CompactRevision() {
		return nil, ErrCompacted
	}
	var changes []Change
	read := 0
	for rows.First(); rows.Valid() && len(changes) < maxChanges && read < maxReadBytes; rows.Next() {
		change, err := readChange(rows, versions)
		if err != nil {
			return nil, err
		}
		if after++; change.Revision != after {
			return nil, fmt.Errorf("%w: revision %d follows %d", ErrCorrupt, change.Revision, after-1)
		}
		changes = append(changes, change)
		read += len(change.Value) + len(change.PrevValue)
	}
	if err := rows.Error(); err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, fmt.Errorf("%w: no change row after revision %d", ErrCorrupt, after)
	}
	return changes, nil
}

// readChange puts together a change from its row and the two versions that the
// row points to, which are neighbours.
func readChange(rows, versions *pebble.Iterator) (Change, error) {
	revision, err := decodeChangeKey(rows.Key())
	if err != nil {
		return Change{}, err
	}
	value, err := rows.ValueAndErr()
	if err != nil {
		return Change{}, err
	}
	row, err := decodeChangeRow(append([]byte(nil), value...))
	if err != nil {
		return Change{}, err
	}
	change := Change{
		Revision:       revision,
		PrevRevision:   row.prevRevision,
		CreateRevision: row.createRevision,
		Key:            row.key,
		Deleted:        row.deleted(),
		Expired:        row.flags&flagExpired != 0,
	}
	found := versions.SeekPrefixGE(appendVersionKey(nil, row.key, revision))
	if !change.Deleted {
		if change.Value, err = exactValue(versions, found, revision); err != nil {
			return Change{}, err
		}
	}
	if row.prevRevision == 0 {
		return change, nil
	}
	change.PrevValue, err = exactValue(versions, found && versions.Next(), row.prevRevision)
	return change, err
}

// exactValue returns a copy of the value of the version that the iterator is
// at, which must be the one of the revision.
func exactValue(versions *pebble.Iterator, found bool, revision Revision) ([]byte, error) {
	if err := versions.Error(); err != nil {
		return nil, err
	}
	if !found || versionRevision(versions.Key()) != revision {
		return nil, fmt.Errorf("%w: no version row for the change of revision %d", ErrCorrupt, revision)
	}
	value, err := versions.ValueAndErr()
	if err != nil {
		return nil, err
	}
	row, err := decodeVersionRow(value)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, row.value...), nil
}

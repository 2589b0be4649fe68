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

const (
	// compactChunk is how many changes are worked through in one batch.
	compactChunk = 128
	// compactWithin is the part of Config.HistoryRetention in which a compaction that
	// runs by itself means to be done, so that it has ended when the next is due.
	compactWithin = 0.7
)

// keepCompacting raises the compact revision every HistoryRetention to what was the newest
// revision one HistoryRetention before. However long a compaction takes, that counts
// from when the revision was looked at, so that each stays readable for so long.
func (e *Engine) keepCompacting(ctx context.Context) {
	// What a crash interrupted is finished first.
	target, seen := e.CompactRevision(), e.compactRevisionTime.Load()
	for {
		next, nextSeen := e.Revision(), e.config.Now().UnixNano()
		due := time.NewTimer(e.config.HistoryRetention)
		if err := e.compact(ctx, target, seen, e.config.HistoryRetention); err != nil && ctx.Err() == nil {
			e.backgroundError("compacting", err)
		}
		select {
		case <-due.C:
		case <-ctx.Done():
			due.Stop()
			return
		}
		target, seen = next, nextSeen
	}
}

// Compact raises the compact revision to upTo and removes what only older revisions
// could show. The engine also runs it periodically, see Config.HistoryRetention. A revision at or
// below the compact revision is no error and changes nothing; one that is not published
// gives ErrFuture.
func (e *Engine) Compact(ctx context.Context, upTo Revision) error {
	if err := e.inFlight.begin(); err != nil {
		return err
	}
	defer e.inFlight.end()
	if err := e.failed(); err != nil {
		return err
	}
	if upTo > e.Revision() {
		return ErrFuture
	}
	seen := e.compactRevisionTime.Load()
	if upTo > e.CompactRevision() {
		// It cannot be known better: upTo may have been the newest until now.
		seen = e.config.Now().UnixNano()
	}
	return e.compact(ctx, upTo, seen, 0)
}

// compact works at its leisure if it is given the time until the next one. Seen
// is when upTo was the newest revision, in nanoseconds since 1970.
func (e *Engine) compact(ctx context.Context, upTo Revision, seen int64, interval time.Duration) error {
	e.compactLock.Lock()
	defer e.compactLock.Unlock()
	if upTo >= e.CompactRevision() {
		// Readers must find the compact revision raised before the first row is gone.
		e.compactRevision.Store(uint64(upTo))
		e.compactRevisionTime.Store(seen)
	}
	// What an earlier compaction to a newer revision has left is finished, too.
	upTo = e.CompactRevision()
	if e.compacted >= upTo {
		return nil
	}
	begun, from, changes := time.Now(), e.compacted, 0
	for e.compacted < upTo {
		if err := errors.Join(ctx.Err(), e.failed()); err != nil {
			return err
		}
		chunkBegun := time.Now()
		n, err := e.compactChunk(upTo)
		if err != nil {
			return fmt.Errorf("compacting to revision %d: %w", upTo, err)
		}
		changes += n
		if interval == 0 {
			continue
		}
		done := float64(e.compacted-from) / float64(upTo-from)
		due := begun.Add(time.Duration(compactWithin * done * float64(interval)))
		if err := throttleUntil(ctx, due, time.Since(chunkBegun)); err != nil {
			return err
		}
	}
	if err := e.dropChanges(upTo); err != nil {
		return fmt.Errorf("compacting to revision %d: %w", upTo, err)
	}
	if err := e.countLowCardinality(); err != nil {
		return err
	}
	if e.config.Listener.Compacted != nil {
		e.config.Listener.Compacted(upTo, changes, time.Since(begun))
	}
	return nil
}

// dropChanges removes the change rows that have been worked through. It begins
// at the first row there can be, so that it covers what an interrupted
// compaction left.
func (e *Engine) dropChanges(upTo Revision) error {
	return e.db.DeleteRange(appendChangeKey(nil, 0), appendChangeKey(nil, upTo+1), pebble.NoSync)
}

// superseded is a version that no reader can see any more, or one that came
// after it.
type superseded struct {
	key      []byte
	revision Revision
	row      versionRow
	bytes    int
}

// compactChunk works through the next changes up to a revision and returns how
// many those were.
func (e *Engine) compactChunk(upTo Revision) (int, error) {
	gone, until, n, err := e.supersededBy(e.compacted, upTo)
	if err != nil {
		return 0, err
	}
	batch := e.db.NewBatch()
	for _, s := range gone {
		if err := batch.DeleteSized(appendVersionKey(nil, s.key, s.revision), uint32(s.bytes), nil); err != nil { //nolint:gosec // at most a few MaxValueBytes
			return 0, errors.Join(err, batch.Close())
		}
	}
	// The compact revision, how far the work got, and the removals are one batch, so that
	// a crash leaves all of it or none.
	err = errors.Join(setMeta(batch, metaCompactRevision, uint64(upTo)), setMeta(batch, metaCompacted, uint64(until)))
	if err == nil {
		err = e.removeVersions(batch, gone)
	}
	if err := errors.Join(err, batch.Close()); err != nil {
		return 0, err
	}
	e.compacted = until
	return n, nil
}

// supersededBy returns the versions that the next n changes in (after, upTo]
// made unreadable: the one before each change, and deletions themselves. until is
// the revision up to which there is no other change. Revisions without a change
// cost nothing: after a restore there are a great many.
func (e *Engine) supersededBy(after, upTo Revision) (gone []superseded, until Revision, n int, err error) {
	rows, err := e.newIter(appendChangeKey(nil, after+1), appendChangeKey(nil, upTo+1))
	if err != nil {
		return nil, 0, 0, err
	}
	versions, err := e.newVersionIter()
	if err != nil {
		return nil, 0, 0, errors.Join(err, rows.Close())
	}
	until = upTo
	for rows.First(); rows.Valid() && err == nil; rows.Next() {
		if n == compactChunk {
			var next Revision
			next, err = decodeChangeKey(rows.Key())
			until = next - 1
			break
		}
		gone, err = appendSuperseded(gone, rows, versions)
		n++
	}
	return gone, until, n, errors.Join(err, rows.Error(), rows.Close(), versions.Close())
}

func appendSuperseded(gone []superseded, rows, versions *pebble.Iterator) ([]superseded, error) {
	revision, err := decodeChangeKey(rows.Key())
	if err != nil {
		return nil, err
	}
	value, err := rows.ValueAndErr()
	if err != nil {
		return nil, err
	}
	change, err := decodeChangeRow(bytes.Clone(value))
	if err != nil {
		return nil, err
	}
	if change.prevRevision != 0 {
		s := superseded{key: change.key, revision: change.prevRevision}
		if !versions.SeekPrefixGE(appendVersionKey(nil, s.key, s.revision)) || versionRevision(versions.Key()) != s.revision {
			return nil, errors.Join(versions.Error(), fmt.Errorf("%w: no version row %d of the key that changed at revision %d", ErrCorrupt, s.revision, revision))
		}
		value, err := versions.ValueAndErr()
		if err != nil {
			return nil, err
		}
		if s.row, err = decodeVersionRow(bytes.Clone(value)); err != nil {
			return nil, err
		}
		s.bytes = len(value)
		gone = append(gone, s)
	}
	if change.deleted() {
		gone = append(gone, superseded{key: change.key, revision: revision, row: versionRow{flags: flagDeleted}})
	}
	return gone, nil
}

// removeVersions applies the batch together with the removal of the index rows
// that no remaining version needs. The writer must not add such a version in
// between.
func (e *Engine) removeVersions(batch *pebble.Batch, gone []superseded) error {
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	versions, err := e.newVersionIter()
	if err != nil {
		return err
	}
	for i := range gone {
		if err = e.removeIndexRows(batch, versions, &gone[i]); err != nil {
			break
		}
	}
	if err := errors.Join(err, versions.Close()); err != nil {
		return err
	}
	// Not waiting for the disk is safe: if this batch is lost in a crash, so is
	// every later one, and the removals are made again.
	return wrap("applying a batch", e.db.Apply(batch, pebble.NoSync))
}

// removeIndexRows removes those of a version that no newer version of its key
// has. Older versions are gone already, since changes are worked through in
// order.
func (e *Engine) removeIndexRows(batch *pebble.Batch, versions *pebble.Iterator, s *superseded) error {
	if s.row.deleted() {
		return nil
	}
	newer, err := newerVersions(versions, s)
	if err != nil {
		return err
	}
	return eachStoredValue(&s.row, func(id indexID, value []byte) error {
		for i := range newer {
			if has, err := newer[i].row.indexed.has(id, value); err != nil || has {
				return err
			}
		}
		return batch.Delete(appendIndexKey(nil, id, value, s.key), nil)
	})
}

// newerVersions returns the versions of a key that came after one.
func newerVersions(versions *pebble.Iterator, s *superseded) ([]superseded, error) {
	var newer []superseded
	valid := versions.SeekPrefixGE(appendVersionPrefix(nil, s.key))
	for ; valid && versionRevision(versions.Key()) > s.revision; valid = versions.Next() {
		value, err := versions.ValueAndErr()
		if err != nil {
			return nil, err
		}
		row, err := decodeVersionRow(bytes.Clone(value))
		if err != nil {
			return nil, err
		}
		if !row.deleted() {
			newer = append(newer, superseded{key: s.key, revision: versionRevision(versions.Key()), row: row})
		}
	}
	return newer, versions.Error()
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// absenceChunk is how many keys are read between two rests.
	absenceChunk = 8192
	// absenceRest leaves most of the disk and of a processor to others.
	absenceRest = 3
	// absenceRetry is how long after an error it is tried again.
	absenceRetry = time.Minute
)

// absence tells of keys that they do not exist, without looking into files. Most
// writes create and have to know; with many files to ask it was a seventh of all
// processor time of a write.
//
// A filter has every key that existed when its building began, and each that was
// written since. When too many have been, most of which are gone, another one
// takes its place.
type absence struct {
	filterBytes int64
	// answering is nil until the first filter is built, building while none is.
	// rowLock guards both.
	answering, building *keyFilter
	// crowded is told when another filter is wanted.
	crowded chan struct{}
}

func newAbsence(filterBytes int64) absence {
	return absence{filterBytes: filterBytes, crowded: make(chan struct{}, 1)}
}

// certain reports that the key does not exist, or not any more, whose versions
// have the prefix. rowLock is held.
func (a *absence) certain(versionPrefix []byte) bool {
	return a.answering != nil && a.answering.lacks(versionPrefix)
}

// writing must be called before a version with the prefix is written; existing is
// how many keys there are. rowLock is held.
func (a *absence) writing(versionPrefix []byte, existing int64) {
	if a.building != nil {
		a.building.add(versionPrefix)
	}
	if a.answering == nil {
		return
	}
	a.answering.add(versionPrefix)
	if a.building == nil && a.answering.crowded(existing) {
		select {
		case a.crowded <- struct{}{}:
		default: // it was told
		}
	}
}

// begin gives a filter that has all that is written from now on.
func (a *absence) begin() *keyFilter {
	a.building = newKeyFilter(a.filterBytes)
	return a.building
}

// finish lets the filter answer that was begun, and has all other keys now.
func (a *absence) finish() {
	a.answering, a.building = a.building, nil
	select {
	case <-a.crowded: // told of the one before
	default:
	}
}

// abandon forgets the filter that was begun.
func (a *absence) abandon() { a.building = nil }

// keepAbsence builds a filter, and another one when it is crowded.
func (e *Engine) keepAbsence(ctx context.Context) {
	for {
		var again <-chan time.Time
		err := e.buildAbsence(ctx)
		if err != nil && ctx.Err() == nil {
			e.backgroundError("reading which keys there are", err)
			again = time.After(absenceRetry)
		}
		if e.config.manual {
			return
		}
		select {
		case <-again:
		case <-e.absence.crowded:
		case <-ctx.Done():
			return
		}
	}
}

func (e *Engine) buildAbsence(ctx context.Context) error {
	err := e.readKeys(ctx)
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	if err != nil {
		e.absence.abandon()
		return err
	}
	e.absence.finish()
	return nil
}

// readKeys begins a filter and adds the keys that there are, from their expiry
// rows, which are small beside the versions. If there are fewer of these than
// keys, then some keys never expire, and it reads all versions.
func (e *Engine) readKeys(ctx context.Context) error {
	e.rowLock.Lock()
	filter, live := e.absence.begin(), e.counted.keys
	expiring, err := e.newIter([]byte{spaceExpiry}, spaceEnd(spaceExpiry))
	e.rowLock.Unlock()
	if err != nil {
		return err
	}
	found, err := addExpiring(ctx, filter, expiring)
	if err := errors.Join(err, expiring.Close()); err != nil {
		return err
	}
	if found == live {
		return nil
	}
	return e.addVersions(ctx, filter)
}

// addExpiring adds the keys of the expiry rows and returns how many there are.
// That can be compared with a number of keys, which was one at a moment, if all
// of it is one iterator.
func addExpiring(ctx context.Context, filter *keyFilter, rows *pebble.Iterator) (found int64, err error) {
	var prefix []byte
	begun := time.Now()
	for more := rows.First(); more; more = rows.Next() {
		key, err := rows.ValueAndErr()
		if err != nil {
			return found, err
		}
		prefix = appendVersionPrefix(prefix[:0], key)
		filter.add(prefix)
		if found++; found%absenceChunk != 0 {
			continue
		}
		if err := rest(ctx, time.Since(begun), absenceRest); err != nil {
			return found, err
		}
		begun = time.Now()
	}
	return found, rows.Error()
}

// addVersions adds the keys of all versions.
func (e *Engine) addVersions(ctx context.Context, filter *keyFilter) error {
	for from := []byte{spaceVersion}; from != nil; {
		begun := time.Now()
		var err error
		from, err = e.addVersionChunk(filter, from)
		if err := errors.Join(err, rest(ctx, time.Since(begun), absenceRest)); err != nil {
			return err
		}
	}
	return nil
}

// addVersionChunk adds some keys and returns the row to go on with, or nil at the
// end.
func (e *Engine) addVersionChunk(filter *keyFilter, from []byte) (next []byte, err error) {
	iter, err := e.newIter(from, spaceEnd(spaceVersion))
	if err != nil {
		return nil, err
	}
	more := iter.First()
	for n := 0; more && n < absenceChunk; n++ {
		filter.add(iter.Key()[:splitRow(iter.Key())])
		more = iter.NextPrefix()
	}
	if more {
		next = bytes.Clone(iter.Key())
	}
	return next, errors.Join(iter.Error(), iter.Close())
}

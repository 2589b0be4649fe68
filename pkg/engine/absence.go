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
	groups, err := e.readKeys(ctx)
	if err == nil {
		e.groups.finish(groups)
	} else {
		e.groups.abandon()
	}
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	if err != nil {
		e.absence.abandon()
		return err
	}
	e.absence.finish()
	return nil
}

// keysRead is where the keys go that are read.
type keysRead struct {
	filter *keyFilter
	groups *groupTally
}

// readKeys begins a filter and adds the keys that there are, from their expiry
// rows, which are small beside the versions. If there are fewer of these than
// keys, then some keys never expire, and it reads all versions. It returns how many
// keys there were at one moment, from which on groups are counted, too.
func (e *Engine) readKeys(ctx context.Context) (*groupTally, error) {
	e.rowLock.Lock()
	read, live := keysRead{e.absence.begin(), e.groups.newTally()}, e.counted.keys
	e.groups.begin(e.last)
	moment := e.db.NewSnapshot()
	e.rowLock.Unlock()
	found, err := read.addExpiring(ctx, moment)
	if err == nil && found != live {
		read.groups = e.groups.newTally()
		err = read.addVersions(ctx, moment)
	}
	return read.groups, errors.Join(err, moment.Close())
}

// addExpiring adds the keys of the expiry rows and returns how many there are.
func (r keysRead) addExpiring(ctx context.Context, moment *pebble.Snapshot) (found int64, err error) {
	rows, err := moment.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceExpiry}, UpperBound: spaceEnd(spaceExpiry)})
	if err != nil {
		return 0, fmt.Errorf("opening an iterator: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var prefix []byte
	begun := time.Now()
	for more := rows.First(); more; more = rows.Next() {
		key, err := rows.ValueAndErr()
		if err != nil {
			return found, err
		}
		prefix = appendVersionPrefix(prefix[:0], key)
		r.filter.add(prefix)
		r.groups.add(key)
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
func (r keysRead) addVersions(ctx context.Context, moment *pebble.Snapshot) error {
	for from := []byte{spaceVersion}; from != nil; {
		begun := time.Now()
		var err error
		from, err = r.addVersionChunk(moment, from)
		if err := errors.Join(err, rest(ctx, time.Since(begun), absenceRest)); err != nil {
			return err
		}
	}
	return nil
}

// addVersionChunk adds some keys and returns the row to go on with, or nil at the
// end.
func (r keysRead) addVersionChunk(moment *pebble.Snapshot, from []byte) (next []byte, err error) {
	iter, err := moment.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: spaceEnd(spaceVersion)})
	if err != nil {
		return nil, fmt.Errorf("opening an iterator: %w", err)
	}
	more := iter.First()
	var key []byte
	for n := 0; more && err == nil && n < absenceChunk; n++ {
		if key, err = r.addVersion(iter, key[:0]); err == nil {
			more = iter.NextPrefix()
		}
	}
	if more {
		next = bytes.Clone(iter.Key())
	}
	return next, errors.Join(err, iter.Error(), iter.Close())
}

// addVersion adds the key at whose newest version the iterator is.
func (r keysRead) addVersion(iter *pebble.Iterator, scratch []byte) (key []byte, err error) {
	r.filter.add(iter.Key()[:splitRow(iter.Key())])
	value, err := iter.ValueAndErr()
	if err != nil {
		return scratch, err
	}
	row, err := decodeVersionRow(value)
	if err != nil || row.deleted() {
		return scratch, err
	}
	key, _, err = decodeVersionKey(scratch, iter.Key())
	if err == nil {
		r.groups.add(key)
	}
	return key, err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// expireEvery is how long an expired key may stay before it is removed; it
	// does not show in reads meanwhile.
	expireEvery = time.Second
	// expireChunk is how many keys one request removes. It bounds for how long
	// other writers wait behind it.
	expireChunk = 256
	// expireBehind and expireFarBehind are how long the next key to remove may
	// be due for before expiry takes more of the engine's time from writers.
	expireBehind    = time.Minute
	expireFarBehind = 5 * time.Minute
	// expireLookEvery is how often it looks whether writers have had their share.
	expireLookEvery = 5 * time.Millisecond
)

// expireShare is how much writers have of the engine before the next chunk is
// removed.
type expireShare struct {
	// rest is for how many times the duration of a chunk they have it for themselves.
	rest int
	// writes is how many times as much as a chunk they have written when that is
	// earlier. When they keep both processors busy a chunk takes ten times as long
	// as it would alone, of which it only waits for most.
	writes uint64
}

// expireShareOf is for a burst, which is removed slowly, since what expired is
// hidden already. But what comes in faster than it is removed must not pile up
// for ever.
func expireShareOf(behind time.Duration) expireShare {
	switch {
	case behind > expireFarBehind:
		return expireShare{rest: 1, writes: 2}
	case behind > expireBehind:
		return expireShare{rest: 3, writes: 4}
	default:
		return expireShare{rest: 7, writes: 8}
	}
}

// throttleAfter waits until writers have had their share since the chunk.
func (e *Engine) throttleAfter(ctx context.Context, took time.Duration, share expireShare) error {
	if share.rest == 0 {
		return ctx.Err()
	}
	enough := e.Revision() + Revision(share.writes*expireChunk)
	ended := time.NewTimer(took * time.Duration(share.rest))
	defer ended.Stop()
	look := time.NewTicker(expireLookEvery)
	defer look.Stop()
	for e.Revision() < enough {
		select {
		case <-ended.C:
			return nil
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// expiryCursor is where the first expiry row may be. Without it each chunk
// would step over what the ones before removed. rowLock guards it.
type expiryCursor struct {
	from duePoint
	// earliest is the first deadline that was added since the last chunk was
	// looked for.
	earliest uint64
}

// duePoint is a place among the expiry rows.
type duePoint struct {
	deadline uint64
	revision Revision
}

// added must be called for each new expiry row. One with the deadline of the
// cursor is behind it, because revisions only grow.
func (c *expiryCursor) added(deadline uint64) {
	c.earliest = min(c.earliest, deadline)
}

// begin returns where the next chunk must begin.
func (c *expiryCursor) begin() duePoint {
	if c.earliest < c.from.deadline {
		c.from = duePoint{deadline: c.earliest}
	}
	c.earliest = math.MaxUint64
	return c.from
}

// keepExpiring removes what is due, until the context ends.
func (e *Engine) keepExpiring(ctx context.Context) {
	ticker := time.NewTicker(expireEvery)
	defer ticker.Stop()
	save := time.NewTicker(saveClockEvery)
	defer save.Stop()
	e.observeClock()
	for {
		select {
		case <-ticker.C:
		case <-save.C:
			if err := e.saveClock(); err != nil && e.failed() == nil {
				e.backgroundError("writing the time", err)
			}
			continue
		case <-ctx.Done():
			return
		}
		e.observeClock()
		err := e.expire(ctx, expireShareOf)
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, ErrDiskFull):
			// The listener was called about a full disk already.
		case errors.Is(err, ErrFailed):
			return
		default:
			e.backgroundError("removing expired keys", err)
		}
	}
}

// Expire removes the keys whose deadline has passed, so that their deletions
// are published when it returns. The engine also runs it every second.
func (e *Engine) Expire(ctx context.Context) error {
	if err := e.inFlight.begin(); err != nil {
		return err
	}
	defer e.inFlight.end()
	e.observeClock()
	return e.expire(ctx, func(time.Duration) expireShare { return expireShare{} })
}

func (e *Engine) expire(ctx context.Context, shareAt func(behind time.Duration) expireShare) error {
	e.expireLock.Lock()
	defer e.expireLock.Unlock()
	if err := e.failed(); err != nil {
		return err
	}
	until := e.now()
	removed := 0
	for {
		begun := time.Now()
		chunk, err := e.due(until)
		if err != nil {
			return err
		}
		if due := chunk.request.writes; len(due) > 0 {
			e.nextToExpire.Store(&due[0].key)
			if _, _, err := e.submit(ctx, e.background, chunk.request); err != nil {
				return fmt.Errorf("removing expired keys: %w", err)
			}
		}
		e.nextToExpire.Store(chunk.behind)
		removed += len(chunk.request.writes)
		e.rowLock.Lock()
		e.expiry.from = chunk.next
		e.rowLock.Unlock()
		if chunk.rows < expireChunk {
			break
		}
		behind := timeOf(until).Sub(timeOf(chunk.next.deadline))
		if err := e.throttleAfter(ctx, time.Since(begun), shareAt(behind)); err != nil {
			return err
		}
	}
	if removed > 0 && e.config.Listener.Expired != nil {
		e.config.Listener.Expired(removed)
	}
	return nil
}

// dueChunk is what is removed at once.
type dueChunk struct {
	request *request
	// rows is how many expiry rows were looked at.
	rows int
	// next is from where to go on when the chunk has been removed.
	next duePoint
	// behind is the key that is due next after the chunk, if that has all that
	// are due and there is one.
	behind *[]byte
}

// due returns the next chunk of what was due at a time. It reads what will be
// removed, so that the writer, which is one for all, does not have to.
func (e *Engine) due(until uint64) (dueChunk, error) {
	// The lock makes sure that a deadline is either in the iterator or counted
	// as added since.
	e.rowLock.Lock()
	from := e.expiry.begin()
	rows, err := e.newIter(appendExpiryKey(nil, from.deadline, from.revision), spaceEnd(spaceExpiry))
	e.rowLock.Unlock()
	if err != nil {
		return dueChunk{}, err
	}
	versions, err := e.newVersionIter()
	if err != nil {
		return dueChunk{}, errors.Join(err, rows.Close())
	}
	chunk := dueChunk{request: newRequest(), next: from}
	more := true
	for rows.First(); more && rows.Valid() && chunk.rows < expireChunk && err == nil; {
		if more, err = chunk.add(rows, versions, until); more {
			rows.Next()
		}
	}
	return chunk, wrap("looking for expired keys", errors.Join(err, rows.Error(), rows.Close(), versions.Close()))
}

// add takes the expiry row at which rows is, unless it was not due yet.
func (c *dueChunk) add(rows, versions *pebble.Iterator, until uint64) (more bool, err error) {
	deadline, revision, err := decodeExpiryKey(rows.Key())
	if err != nil {
		return false, err
	}
	key, err := rows.ValueAndErr()
	if err != nil {
		return false, err
	}
	if deadline > until {
		// The next look need not step over what was removed before this row.
		behind := bytes.Clone(key)
		c.behind, c.next = &behind, duePoint{deadline, revision}
		return false, nil
	}
	c.rows++
	c.next = duePoint{deadline, revision + 1}
	if !versions.SeekPrefixGE(appendVersionPrefix(nil, key)) || versionRevision(versions.Key()) != revision {
		// Written again meanwhile, which removed the row.
		return true, versions.Error()
	}
	value, err := versions.ValueAndErr()
	if err != nil {
		return false, err
	}
	row, err := decodeVersionRow(bytes.Clone(value))
	if err != nil {
		return false, err
	}
	c.request.writes = append(c.request.writes, write{key: bytes.Clone(key), expire: revision, expiring: row})
	return true, nil
}

// NextToExpire returns the key that has the earliest deadline, as it is now, or
// ErrNotFound when no key has one. Where all writes give their keys the same
// time to live it is the key that nobody has written for the longest time.
//
// The answer is up to a second old, for it is what the removal of expired keys
// found when it looked last; so it costs one read of one key. A key that is due
// but not removed yet is an answer, too.
func (e *Engine) NextToExpire(ctx context.Context) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	if err := e.inFlight.begin(); err != nil {
		return Record{}, err
	}
	defer e.inFlight.end()
	key := e.nextToExpire.Load()
	if key == nil {
		return Record{}, ErrNotFound
	}
	// Unlike a read at 0, one at a revision shows what is due.
	v, err := e.viewAt(e.Revision())
	if err != nil {
		return Record{}, err
	}
	iter, err := e.newVersionIter()
	if err != nil {
		return Record{}, err
	}
	record, err := e.get(iter, v, *key)
	if err := errors.Join(err, iter.Close()); err != nil {
		return Record{}, fmt.Errorf("reading the key that expires next: %w", err)
	}
	return record, nil
}

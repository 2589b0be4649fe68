// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// expireEvery is how long an expired key may stay before it is removed; it
	// does not show in reads meanwhile.
	expireEvery = time.Second
	// expireChunk is how many keys one request removes. It bounds for how long
	// other writers wait behind it.
	expireChunk = 256
	// expireRest is for how many times the duration of a chunk writers have the
	// engine for themselves before the next one.
	expireRest = 3
)

// expiryCursor says where the first expiry row may be. Without it each chunk
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
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if err := e.expire(ctx, expireRest); err != nil && ctx.Err() == nil {
			e.backgroundError("removing expired keys", err)
		}
	}
}

// Expire removes the keys whose deadline has passed, so that their deletions
// are published when it returns. It also runs by itself, every second.
func (e *Engine) Expire(ctx context.Context) error {
	if err := e.calls.begin(); err != nil {
		return err
	}
	defer e.calls.end()
	return e.expire(ctx, 0)
}

func (e *Engine) expire(ctx context.Context, restFor int) error {
	e.expireLock.Lock()
	defer e.expireLock.Unlock()
	if err := e.failed(); err != nil {
		return err
	}
	until := e.now()
	removed := 0
	for {
		begun := time.Now()
		r, cursor, err := e.due(until)
		if err != nil {
			return err
		}
		if len(r.writes) > 0 {
			if _, err := e.submit(ctx, e.background, r); err != nil {
				return fmt.Errorf("removing expired keys: %w", err)
			}
		}
		removed += len(r.writes)
		e.rowLock.Lock()
		e.expiry.from = cursor
		e.rowLock.Unlock()
		if len(r.writes) < expireChunk {
			break
		}
		if err := rest(ctx, time.Since(begun), restFor); err != nil {
			return err
		}
	}
	if removed > 0 && e.config.Listener.Expired != nil {
		e.config.Listener.Expired(removed)
	}
	return nil
}

// due returns the next chunk of what was due at a time, and from where to go on
// when it has been removed.
func (e *Engine) due(until uint64) (r *request, next duePoint, err error) {
	// The lock makes sure that a deadline is either in the iterator or counted
	// as added since.
	e.rowLock.Lock()
	from := e.expiry.begin()
	iter, err := e.newIter(appendExpiryKey(nil, from.deadline, from.revision), spaceEnd(spaceExpiry))
	e.rowLock.Unlock()
	if err != nil {
		return nil, duePoint{}, err
	}
	r, next = newRequest(), from
	for iter.First(); iter.Valid() && len(r.writes) < expireChunk; iter.Next() {
		deadline, revision, err := decodeExpiryKey(iter.Key())
		if err != nil {
			return nil, duePoint{}, errors.Join(err, iter.Close())
		}
		if deadline > until {
			break
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, duePoint{}, errors.Join(err, iter.Close())
		}
		r.writes = append(r.writes, write{key: append([]byte(nil), value...), expire: revision})
		next = duePoint{deadline, revision + 1}
	}
	if err := errors.Join(iter.Error(), iter.Close()); err != nil {
		return nil, duePoint{}, fmt.Errorf("looking for expired keys: %w", err)
	}
	return r, next, nil
}

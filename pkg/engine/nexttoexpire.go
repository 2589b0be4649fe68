// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
)

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

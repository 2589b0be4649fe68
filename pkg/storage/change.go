// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// change is one change of the engine, as all watchers share it. What it was and
// what it is now are decoded when the first watcher asks.
type change struct {
	key      string
	revision engine.Revision
	created  bool
	deleted  bool

	current, previous func() (*sharedObject, error)
}

func newChange(values *values, from engine.Change) *change {
	key := string(from.Key)
	// Also the previous object has the revision of the change: it is what a
	// client that saw it go must resume from.
	decode := func(sealed []byte) func() (*sharedObject, error) {
		return sync.OnceValues(func() (*sharedObject, error) {
			// No single watcher's context may decide for the others.
			obj, err := values.openNew(context.Background(), key, sealed, from.Revision)
			if err != nil {
				return nil, err
			}
			return newSharedObject(obj), nil
		})
	}
	return &change{
		key:      key,
		revision: from.Revision,
		created:  from.PrevRevision == 0,
		deleted:  from.Deleted,
		current:  decode(from.Value),
		previous: decode(from.PrevValue),
	}
}

// decode makes ready what there is. What it finds out is kept, errors too.
func (c *change) decode() {
	if !c.created {
		_, _ = c.previous()
	}
	if !c.deleted {
		_, _ = c.current()
	}
}

// eventFor is what a watcher with the predicate is to be told of the change; a
// nil object says nothing.
func (c *change) eventFor(predicate *storage.SelectionPredicate) (watch.EventType, *sharedObject, error) {
	switch {
	case c.deleted:
		before, err := c.matchingPrevious(predicate)
		return watch.Deleted, before, err
	case c.created:
		now, err := matching(predicate, c.current)
		return watch.Added, now, err
	case predicate.Empty():
		// Everything was selected before, so there is no need to look.
		now, err := c.current()
		return watch.Modified, now, err
	}
	now, err := matching(predicate, c.current)
	if err != nil {
		return "", nil, err
	}
	before, err := c.matchingPrevious(predicate)
	if err != nil {
		return "", nil, err
	}
	switch {
	case now != nil && before != nil:
		return watch.Modified, now, nil
	case now != nil:
		return watch.Added, now, nil
	default:
		return watch.Deleted, before, nil
	}
}

func (c *change) matchingPrevious(predicate *storage.SelectionPredicate) (*sharedObject, error) {
	before, err := matching(predicate, c.previous)
	if corrupt := new(corruptError); c.deleted && errors.As(err, &corrupt) {
		return nil, &corruptDeletedError{corrupt}
	}
	return before, err
}

// matching returns the object if the predicate selects it, else nil.
func matching(predicate *storage.SelectionPredicate, object func() (*sharedObject, error)) (*sharedObject, error) {
	shared, err := object()
	if err != nil || predicate.Empty() {
		return shared, err
	}
	if !selects(predicate, shared.object) {
		return nil, nil
	}
	return shared, nil
}

// selects tells whether the predicate is known to select the object.
func selects(predicate *storage.SelectionPredicate, obj runtime.Object) bool {
	matched, err := predicate.Matches(obj)
	return err == nil && matched
}

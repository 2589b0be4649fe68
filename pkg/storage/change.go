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

	values *values
	// current and previous open these.
	now, before lazyObject
}

func newChange(values *values, from engine.Change) *change {
	return &change{
		key:      string(from.Key),
		revision: from.Revision,
		created:  from.PrevRevision == 0,
		deleted:  from.Deleted,
		values:   values,
		now:      lazyObject{sealed: from.Value},
		before:   lazyObject{sealed: from.PrevValue},
	}
}

func (c *change) current() (*sharedObject, error) { return c.now.open(c) }

// previous has the revision of the change, too: it is what a client that saw it go
// must resume from.
func (c *change) previous() (*sharedObject, error) { return c.before.open(c) }

// lazyObject is decoded when it is asked for first. What comes of it is kept, errors
// too.
type lazyObject struct {
	sealed []byte
	once   sync.Once
	object *sharedObject
	err    error
}

func (l *lazyObject) open(c *change) (*sharedObject, error) {
	l.once.Do(func() {
		// No single watcher's context may decide for the others.
		obj, err := c.values.openNew(context.Background(), c.key, l.sealed, c.revision)
		l.sealed = nil
		if err != nil {
			l.err = err
			return
		}
		l.object = newSharedObject(obj)
	})
	return l.object, l.err
}

// decode makes ready what there is.
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
		now, err := c.matching(predicate, &c.now)
		return watch.Added, now, err
	case predicate.Empty():
		// Everything was selected before, so there is no need to look.
		now, err := c.current()
		return watch.Modified, now, err
	}
	now, err := c.matching(predicate, &c.now)
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
	before, err := c.matching(predicate, &c.before)
	if corrupt := new(corruptError); c.deleted && errors.As(err, &corrupt) {
		return nil, &corruptDeletedError{corrupt}
	}
	return before, err
}

// matching returns the object if the predicate selects it, else nil.
func (c *change) matching(predicate *storage.SelectionPredicate, object *lazyObject) (*sharedObject, error) {
	shared, err := object.open(c)
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

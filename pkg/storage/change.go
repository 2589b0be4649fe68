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

// change is one change of the engine in the form that all watchers share. The object
// before the change and the one after it are decoded on first use.
type change struct {
	key      string
	revision engine.Revision
	created  bool
	deleted  bool

	values *valueCodec
	// now and before are read through current and previous.
	now, before lazyObject
}

func newChange(values *valueCodec, from engine.Change) *change {
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

// previous has the revision of the change: a DELETED event carries the revision from
// which the client must resume.
func (c *change) previous() (*sharedObject, error) { return c.before.open(c) }

// lazyObject is decoded on first use. The result is kept, even if it is an error.
type lazyObject struct {
	sealed []byte
	once   sync.Once
	object *sharedObject
	err    error
}

func (l *lazyObject) open(c *change) (*sharedObject, error) {
	l.once.Do(func() {
		// The result is shared, so it must not depend on one watcher's context.
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

// decode decodes the objects before and after the change. An error is kept for those
// who use the object.
func (c *change) decode() {
	if !c.created {
		_, _ = c.previous()
	}
	if !c.deleted {
		_, _ = c.current()
	}
}

// eventFor returns the event of the change for a watcher with the predicate. The object
// is nil if the watcher gets none.
func (c *change) eventFor(predicate *storage.SelectionPredicate) (watch.EventType, *sharedObject, error) {
	switch {
	case c.deleted:
		before, err := c.matchingPrevious(predicate)
		return watch.Deleted, before, err
	case c.created:
		now, err := c.matching(predicate, &c.now)
		return watch.Added, now, err
	case predicate.Empty():
		// The object was selected before, too, so it need not be decoded.
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

// selects reports whether the predicate selects the object. An object on which the
// predicate fails is not selected.
func selects(predicate *storage.SelectionPredicate, obj runtime.Object) bool {
	matched, err := predicate.Matches(obj)
	return err == nil && matched
}

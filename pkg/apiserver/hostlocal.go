// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// localEvents gives the bridge the store below everything that the registry
// does.
type localEvents struct {
	store apiserverstorage.Interface
	// root is what the keys of all events begin with, with its slash.
	root string
}

var _ hostevents.Local = localEvents{}

// errLeft ends a write that is not wanted.
var errLeft = errors.New("left as it is")

func (l localEvents) key(key hostevents.Key) string { return l.root + key.Namespace + "/" + key.Name }

// Get implements hostevents.Local.
func (l localEvents) Get(ctx context.Context, key hostevents.Key) (*events.Event, error) {
	stored := &events.Event{}
	err := l.store.Get(ctx, l.key(key), apiserverstorage.GetOptions{}, stored)
	if apiserverstorage.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading event %s: %w", key, err)
	}
	return stored, nil
}

// Create implements hostevents.Local.
func (l localEvents) Create(ctx context.Context, event *events.Event, life time.Duration) (created bool, err error) {
	key := hostevents.KeyOf(event)
	err = l.store.Create(ctx, l.key(key), event, nil, secondsOf(life))
	if apiserverstorage.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("storing event %s: %w", key, err)
	}
	return true, nil
}

// secondsOf is a life as the store counts it, where none is for ever.
func secondsOf(life time.Duration) uint64 { return uint64(max(life/time.Second, 1)) }

// errSucceeded ends an update by another object than the stored one.
var errSucceeded = errors.New("another event has the name now")

// succession is an event in the place of another one.
type succession struct {
	before, after *events.Event
	life          time.Duration
}

// Upsert implements hostevents.Local.
func (l localEvents) Upsert(ctx context.Context, key hostevents.Key, change func(*events.Event) (*events.Event, time.Duration)) error {
	for {
		var next succession
		err := l.update(ctx, key, func(stored *events.Event) (*events.Event, time.Duration, error) {
			after, life := change(stored)
			if stored != nil && after != nil && after.UID != stored.UID {
				next = succession{before: stored, after: after, life: life}
				return nil, 0, errSucceeded
			}
			return after, life, nil
		})
		if !errors.Is(err, errSucceeded) {
			return err
		}
		if done, err := l.succeed(ctx, key, next); done || err != nil {
			return err
		}
	}
}

// succeed stores an event in the place of another one. Watchers see DELETED and
// ADDED: an object never changes its uid. It reports false where something else
// is stored by now.
func (l localEvents) succeed(ctx context.Context, key hostevents.Key, next succession) (done bool, err error) {
	unchanged := &apiserverstorage.Preconditions{UID: &next.before.UID, ResourceVersion: &next.before.ResourceVersion}
	err = l.store.Delete(ctx, l.key(key), &events.Event{}, unchanged, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{})
	switch {
	case apiserverstorage.IsNotFound(err), apiserverstorage.IsInvalidObj(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("deleting event %s, whose name another one has: %w", key, err)
	}
	after := *next.after
	after.ResourceVersion = ""
	return l.Create(ctx, &after, next.life)
}

// update replaces the stored event, nil if there is none, by what change returns.
func (l localEvents) update(ctx context.Context, key hostevents.Key, change func(*events.Event) (*events.Event, time.Duration, error)) error {
	try := func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		stored, ok := input.(*events.Event)
		if !ok {
			return nil, nil, fmt.Errorf("the store has a %T for an event", input)
		}
		if stored.ResourceVersion == "" {
			stored = nil
		}
		next, life, err := change(stored)
		if err != nil {
			return nil, nil, err
		}
		if next == nil {
			return nil, nil, errLeft
		}
		seconds := secondsOf(life)
		return next, &seconds, nil
	}
	err := l.store.GuaranteedUpdate(ctx, l.key(key), &events.Event{}, true, nil, try, nil)
	if err != nil && !errors.Is(err, errLeft) {
		return fmt.Errorf("storing event %s: %w", key, err)
	}
	return nil
}

// Delete implements hostevents.Local.
func (l localEvents) Delete(ctx context.Context, key hostevents.Key, when func(*events.Event) bool) error {
	validate := func(_ context.Context, obj runtime.Object) error {
		if stored, ok := obj.(*events.Event); !ok || !when(stored) {
			return errLeft
		}
		return nil
	}
	err := l.store.Delete(ctx, l.key(key), &events.Event{}, nil, validate, nil, apiserverstorage.DeleteOptions{})
	if err != nil && !apiserverstorage.IsNotFound(err) && !errors.Is(err, errLeft) {
		return fmt.Errorf("deleting event %s: %w", key, err)
	}
	return nil
}

// Revision implements hostevents.Local.
func (l localEvents) Revision(ctx context.Context) (uint64, error) {
	revision, err := l.store.GetCurrentResourceVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the newest resource version: %w", err)
	}
	return revision, nil
}

// ofNoVersion makes a list go on behind a key in what is newest by then, so that
// it may take any time.
const ofNoVersion = -1

// List implements hostevents.Local.
func (l localEvents) List(ctx context.Context, continueFrom string, limit int64) (items []events.Event, continueAt string, err error) {
	predicate := apiserverstorage.Everything
	predicate.Limit, predicate.Continue = limit, continueFrom
	list := &events.EventList{}
	options := apiserverstorage.ListOptions{Predicate: predicate, Recursive: true}
	if err := l.store.GetList(ctx, l.root, options, list); err != nil {
		return nil, "", fmt.Errorf("listing the stored events: %w", err)
	}
	if list.Continue == "" || len(list.Items) == 0 {
		return list.Items, "", nil
	}
	last := &list.Items[len(list.Items)-1]
	continueAt, err = apiserverstorage.EncodeContinue(l.key(hostevents.KeyOf(last))+"\x00", l.root, ofNoVersion)
	return list.Items, continueAt, err
}

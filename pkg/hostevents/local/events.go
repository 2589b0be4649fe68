// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Events is the store of events below the registry.
type Events struct {
	store storage.Interface
	// root is what the keys of all events begin with, with its slash.
	root string
}

var _ hostevents.Local = (*Events)(nil)

// NewEvents returns the events that store has under the prefix.
func NewEvents(store storage.Interface, prefix string) *Events {
	return &Events{store: store, root: rootOf(prefix)}
}

// rootOf is the prefix with one slash before and behind it.
func rootOf(prefix string) string { return "/" + strings.Trim(prefix, "/") + "/" }

// errUnchanged ends a write that would change nothing.
var errUnchanged = errors.New("nothing is to be changed")

func (e *Events) key(key hostevents.Key) string { return e.root + key.Namespace + "/" + key.Name }

// Get implements hostevents.Local.
func (e *Events) Get(ctx context.Context, key hostevents.Key) (*events.Event, error) {
	stored := &events.Event{}
	err := e.store.Get(ctx, e.key(key), storage.GetOptions{}, stored)
	if storage.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading event %s: %w", key, err)
	}
	return stored, nil
}

// Create implements hostevents.Local.
func (e *Events) Create(ctx context.Context, event *events.Event, ttl time.Duration) (created bool, err error) {
	key := hostevents.KeyOf(event)
	err = e.store.Create(ctx, e.key(key), event, nil, ttlSeconds(ttl))
	if storage.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("storing event %s: %w", key, err)
	}
	return true, nil
}

// ttlSeconds is a time to live as the store takes it, where zero is unlimited.
func ttlSeconds(ttl time.Duration) uint64 { return uint64(max(ttl/time.Second, 1)) }

// errReplaced ends an update by another object than the stored one.
var errReplaced = errors.New("another event has the name")

// replacement is an event in place of another one.
type replacement struct {
	before, after *events.Event
	ttl           time.Duration
}

// Upsert implements hostevents.Local.
func (e *Events) Upsert(ctx context.Context, key hostevents.Key, change func(*events.Event) (*events.Event, time.Duration)) error {
	for {
		var next replacement
		err := e.update(ctx, key, func(stored *events.Event) (*events.Event, time.Duration, error) {
			after, ttl := change(stored)
			if stored != nil && after != nil && after.UID != stored.UID {
				next = replacement{before: stored, after: after, ttl: ttl}
				return nil, 0, errReplaced
			}
			return after, ttl, nil
		})
		if !errors.Is(err, errReplaced) {
			return err
		}
		if done, err := e.replaceEvent(ctx, key, next); done || err != nil {
			return err
		}
	}
}

// replaceEvent stores an event in place of another one. Watchers see DELETED and
// ADDED, because an object never changes its uid. It returns false if something else
// is stored meanwhile.
func (e *Events) replaceEvent(ctx context.Context, key hostevents.Key, next replacement) (done bool, err error) {
	unchanged := &storage.Preconditions{UID: &next.before.UID, ResourceVersion: &next.before.ResourceVersion}
	err = e.store.Delete(ctx, e.key(key), &events.Event{}, unchanged, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
	switch {
	case storage.IsNotFound(err), storage.IsInvalidObj(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("deleting event %s, whose name another one has: %w", key, err)
	}
	after := *next.after
	after.ResourceVersion = ""
	return e.Create(ctx, &after, next.ttl)
}

// update replaces the stored event, nil if there is none, by what change returns.
func (e *Events) update(ctx context.Context, key hostevents.Key, change func(*events.Event) (*events.Event, time.Duration, error)) error {
	try := func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		stored, ok := input.(*events.Event)
		if !ok {
			return nil, nil, fmt.Errorf("the store has a %T for an event", input)
		}
		if stored.ResourceVersion == "" {
			stored = nil
		}
		next, ttl, err := change(stored)
		if err != nil {
			return nil, nil, err
		}
		if next == nil {
			return nil, nil, errUnchanged
		}
		seconds := ttlSeconds(ttl)
		return next, &seconds, nil
	}
	err := e.store.GuaranteedUpdate(ctx, e.key(key), &events.Event{}, true, nil, try, nil)
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("storing event %s: %w", key, err)
	}
	return nil
}

// Delete implements hostevents.Local.
func (e *Events) Delete(ctx context.Context, key hostevents.Key, when func(*events.Event) bool) error {
	validate := func(_ context.Context, obj runtime.Object) error {
		if stored, ok := obj.(*events.Event); !ok || !when(stored) {
			return errUnchanged
		}
		return nil
	}
	err := e.store.Delete(ctx, e.key(key), &events.Event{}, nil, validate, nil, storage.DeleteOptions{})
	if err != nil && !storage.IsNotFound(err) && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("deleting event %s: %w", key, err)
	}
	return nil
}

// Revision implements hostevents.Local.
func (e *Events) Revision(ctx context.Context) (uint64, error) {
	revision, err := e.store.GetCurrentResourceVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the newest resource version: %w", err)
	}
	return revision, nil
}

// latestVersion continues a list behind a key in the latest state, so that it may
// take any time.
const latestVersion = -1

// List implements hostevents.Local.
func (e *Events) List(ctx context.Context, continueFrom string, limit int64) (items []events.Event, continueAt string, err error) {
	predicate := storage.Everything
	predicate.Limit, predicate.Continue = limit, continueFrom
	list := &events.EventList{}
	options := storage.ListOptions{Predicate: predicate, Recursive: true}
	if err := e.store.GetList(ctx, e.root, options, list); err != nil {
		return nil, "", fmt.Errorf("listing the stored events: %w", err)
	}
	if list.Continue == "" || len(list.Items) == 0 {
		return list.Items, "", nil
	}
	last := &list.Items[len(list.Items)-1]
	continueAt, err = storage.EncodeContinue(e.key(hostevents.KeyOf(last))+"\x00", e.root, latestVersion)
	return list.Items, continueAt, err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// replacing is the key of a context in which an event that the host has let expire
// counts as absent.
type replacing struct{}

// Replacing returns the context for a create or an apply: an event that the host has
// let expire, and that is kept here, does not reserve its name and is replaced.
func (s *Storage) Replacing(ctx context.Context) context.Context {
	return context.WithValue(ctx, replacing{}, true)
}

// absent reports whether the stored event counts as absent for the request.
func (s *Storage) absent(ctx context.Context, stored *events.Event) bool {
	return ctx.Value(replacing{}) != nil && !isNew(stored) && s.bridge.ExpiredInHost(stored)
}

// Get implements storage.Interface. Dry runs look up with it whether a name is free.
func (s *Storage) Get(ctx context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	err := s.Interface.Get(ctx, key, opts, out)
	if err != nil || ctx.Value(replacing{}) == nil {
		return err
	}
	stored, err := eventOf(out)
	if err != nil || !s.absent(ctx, stored) {
		return err
	}
	*stored = events.Event{}
	if opts.IgnoreNotFound {
		return nil
	}
	return storage.NewKeyNotFoundError(key, 0)
}

// errReplaced ends an update whose result is another object than the stored one.
var errReplaced = errors.New("the event is replaced by another one under its name")

// replace stores an event that the host has created now over one that it had before,
// or over the echo that another replica has ingested.
func (s *Storage) replace(ctx context.Context, key string, made *events.Event, out runtime.Object, ttl uint64) error {
	for range attempts {
		stored := &events.Event{}
		err := s.Interface.GuaranteedUpdate(ctx, key, out, true, nil, func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
			var err error
			if stored, err = eventOf(input); err != nil {
				return nil, nil, err
			}
			return merged(key, stored.DeepCopy(), made, &ttl)
		}, nil)
		if !errors.Is(err, errReplaced) {
			return err
		}
		if err = s.substitute(ctx, key, stored, made, out, ttl); !storage.IsExist(err) {
			return err
		}
	}
	return storage.NewKeyExistsError(key, 0)
}

// merged is what is stored after the host has created an event and something is
// stored already.
func merged(key string, stored, made *events.Event, ttl *uint64) (runtime.Object, *uint64, error) {
	switch {
	case isNew(stored):
		return made, ttl, nil
	case made.Host.Pending:
		return nil, nil, storage.NewKeyExistsError(key, 0)
	case stored.Host.Version > made.Host.Version:
		return stored, ttl, nil // changed in the host meanwhile
	case stored.UIDInHost() != made.UIDInHost():
		return nil, nil, errReplaced
	}
	next := made.DeepCopy()
	next.ResourceVersion = stored.ResourceVersion
	return next, ttl, nil
}

// substitute stores an event in place of another one: watchers see DELETED and ADDED,
// because these are two objects.
func (s *Storage) substitute(ctx context.Context, key string, stored, made *events.Event, out runtime.Object, ttl uint64) error {
	err := s.Interface.Delete(ctx, key, &events.Event{}, storage.NewUIDPreconditions(string(stored.UID)), storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
	if err != nil && !storage.IsNotFound(err) && !storage.IsInvalidObj(err) {
		return err
	}
	next := *made
	next.ResourceVersion = ""
	return s.Interface.Create(ctx, key, &next, out, ttl)
}

var _ Bridge = (*hostevents.Bridge)(nil)

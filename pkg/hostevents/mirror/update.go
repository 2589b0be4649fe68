// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// GuaranteedUpdate implements storage.Interface.
func (s *Storage) GuaranteedUpdate(ctx context.Context, key string, destination runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, tryUpdate storage.UpdateFunc, cachedExistingObject runtime.Object,
) error {
	name, err := keyOf(key)
	if err != nil {
		return err
	}
	defer s.bridge.Lock(name)()
	u := &update{storage: s, ctx: ctx, try: tryUpdate}
	err = s.retryOnMoved(ctx, name, func() error {
		err := s.Interface.GuaranteedUpdate(ctx, key, destination, ignoreNotFound, preconditions, u.attempt, cachedExistingObject)
		if !errors.Is(err, errReplaced) {
			return err
		}
		err = s.substitute(ctx, key, u.replaced, u.made, destination, u.ttl)
		if storage.IsExist(err) {
			err = s.replace(ctx, key, u.made, destination, u.ttl)
		}
		return err
	})
	if err != nil || u.made == nil || u.made.Host.Pending || !ignoreNotFound {
		return err
	}
	return s.removeIfDeleted(ctx, key, u.made)
}

// update is one call of GuaranteedUpdate.
type update struct {
	storage *Storage
	ctx     context.Context //nolint:containedctx // of the one call that it lives for
	try     storage.UpdateFunc
	// made is what an earlier attempt has made in the host, or put into the outbox,
	// and could not store because another replica had stored something.
	made *events.Event
	// replaced is the event in whose place made is stored, for ttl seconds.
	replaced *events.Event
	ttl      uint64
	// exists is set if the host still has the event that was to be replaced.
	exists bool
}

// attempt is a storage.UpdateFunc that makes the change in the host, too.
func (u *update) attempt(input runtime.Object, meta storage.ResponseMeta) (runtime.Object, *uint64, error) {
	stored, err := eventOf(input)
	if err != nil {
		return nil, nil, err
	}
	// The function may change its input.
	stored = stored.DeepCopy()
	if u.replaced != nil {
		return nil, nil, errReplaced
	}
	if !u.exists && u.storage.absent(u.ctx, stored) {
		return u.replace(stored, input, meta)
	}
	if u.done(stored) {
		return u.finish(stored, input, meta)
	}
	output, ttl, err := u.try(input, meta)
	if err != nil {
		return nil, nil, err
	}
	updated, err := eventOf(output)
	if err != nil {
		return nil, nil, err
	}
	if equality.Semantic.DeepEqual(stored, updated) || !isNew(stored) && hostevents.SameContent(stored, updated) {
		return output, ttl, nil
	}
	made, err := u.mirror(stored, updated)
	if err != nil {
		return nil, nil, err
	}
	u.made = made
	return made, ttl, nil
}

// replace creates an event with the name of one that the host has let expire, as if
// that were not stored.
func (u *update) replace(stored *events.Event, input runtime.Object, meta storage.ResponseMeta) (runtime.Object, *uint64, error) {
	output, ttl, err := u.try(&events.Event{}, storage.ResponseMeta{})
	if err != nil {
		return nil, nil, err
	}
	created, err := eventOf(output)
	if err != nil {
		return nil, nil, err
	}
	made, err := u.storage.bridge.Create(u.ctx, created)
	if apierrors.IsAlreadyExists(err) || err == nil && made.Host.Pending && !u.storage.bridge.NameIsFree(stored) {
		// It has not expired there yet, so it is updated and not replaced.
		u.exists = true
		return u.attempt(input, meta)
	}
	if err != nil {
		return nil, nil, err
	}
	u.made, u.replaced = made, stored
	if ttl != nil {
		u.ttl = *ttl
	}
	return nil, nil, errReplaced
}

// done reports whether an earlier attempt has made the change. Then the host has it,
// whatever is stored, even an older state, as when another replica stores what the
// host made of its own write after the leader has ingested that. Another attempt
// would return a conflict to a client that knows the older state, and let it make its
// change twice.
func (u *update) done(stored *events.Event) bool {
	if u.made == nil || isNew(stored) {
		return false
	}
	// Of one in the outbox the answer may have been lost, and its echo is stored.
	return !u.made.Host.Pending || stored.Host.Version > u.made.Host.Version && hostevents.SameContent(stored, u.made)
}

func (u *update) mirror(stored, updated *events.Event) (*events.Event, error) {
	if !isNew(stored) {
		return u.storage.bridge.Update(u.ctx, stored, updated)
	}
	made, err := u.storage.bridge.Create(u.ctx, updated)
	if apierrors.IsAlreadyExists(err) {
		// It has not been ingested yet, so it is updated and not created.
		return nil, u.storage.bridge.Moved(u.ctx, hostevents.KeyOf(updated), err)
	}
	return made, err
}

// finish ends an update that the host already has. What is stored may be its echo, a
// later state, or still an older one.
func (u *update) finish(stored *events.Event, input runtime.Object, meta storage.ResponseMeta) (runtime.Object, *uint64, error) {
	// Only for its time to live; the content is decided already.
	_, ttl, err := u.try(input, meta)
	if err != nil {
		ttl = nil
	}
	if ttl == nil {
		life := uint64(max(meta.TTL, 0))
		ttl = &life
	}
	next := stored
	if u.made.Host.Version >= stored.Host.Version {
		next = hostevents.Merge(stored, u.made).DeepCopy()
		next.ResourceVersion = stored.ResourceVersion
	}
	if !next.Host.Pending && hostevents.SameContent(next, u.made) {
		next.ManagedFields = u.made.ManagedFields
	}
	return next, ttl, nil
}

// isNew reports whether stored is the empty object that stands for no object.
func isNew(stored *events.Event) bool { return stored.ResourceVersion == "" }

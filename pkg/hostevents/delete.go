// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Delete deletes the stored event in the host, or puts the deletion into the outbox
// if that is not possible now. With unchanged it fails with a MovedError if the
// host's state is not the stored one; without, only if the host has another event
// with the name.
func (b *Bridge) Delete(ctx context.Context, stored *events.Event, unchanged bool) error {
	if b.goneInHost(stored) {
		return nil
	}
	if !b.reachable(stored.Namespace) {
		return b.postponeDelete(ctx, stored)
	}
	err := b.inTime(ctx, stored.Namespace, func(ctx context.Context) error {
		return b.deleteStored(ctx, stored, unchanged)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case terminal(err):
		return withOurGroup(err)
	}
	return b.postponeDelete(ctx, stored)
}

// AddTombstone is called when the event has been deleted here.
func (b *Bridge) AddTombstone(stored *events.Event) { b.tombstones.add(stored.UIDInHost()) }

func (b *Bridge) deleteStored(ctx context.Context, stored *events.Event, unchanged bool) error {
	key := KeyOf(stored)
	if stored.Host.Version == 0 {
		if !stored.Host.Pending {
			return nil // the host has never had it
		}
		return b.deleteInHost(ctx, key, Identity{Fingerprint: fingerprint(stored)})
	}
	only := Preconditions{UID: stored.UIDInHost()}
	if unchanged && !stored.Host.Pending {
		only.Version = stored.Host.Version
	}
	err := b.dropFinalizers(ctx, stored)
	if err == nil {
		err = b.config.Host.Delete(ctx, key, only, false)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if !apierrors.IsConflict(err) {
		return err
	}
	current, err := b.config.Host.Get(ctx, key)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return &MovedError{Key: key, Stored: stored, Current: current}
}

// dropFinalizers removes the finalizers of an event in the host whose last one was
// removed here. That may delete it in the host.
func (b *Bridge) dropFinalizers(ctx context.Context, stored *events.Event) error {
	if len(stored.Finalizers) == 0 {
		return nil
	}
	bare := *stored
	bare.Finalizers = nil
	_, err := b.config.Host.Update(ctx, &bare, false)
	return err
}

// deleteInHost deletes the event with the identity in the host, if it is there.
func (b *Bridge) deleteInHost(ctx context.Context, key Key, identity Identity) error {
	uid := identity.UID
	if uid == "" {
		current, err := b.config.Host.Get(ctx, key)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if fingerprint(current) != identity.Fingerprint {
			return nil
		}
		uid = current.UID
	}
	err := b.config.Host.Delete(ctx, key, Preconditions{UID: uid}, false)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		// Gone, or another event has its name.
		err = nil
	}
	if err == nil {
		b.tombstones.add(uid)
	}
	return err
}

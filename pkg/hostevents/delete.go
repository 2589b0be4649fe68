// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Delete deletes the stored event in the host. A host that cannot do it now does
// it later. With unchanged it fails with a MovedError if the host's state is not
// the stored one; without, only if the host has another event under the name.
func (b *Bridge) Delete(ctx context.Context, stored *events.Event, unchanged bool) error {
	if b.forgottenInHost(stored) {
		return nil
	}
	if !b.reachable(stored.Namespace) {
		return b.postponeErase(ctx, stored)
	}
	err := b.inTime(ctx, stored.Namespace, func(ctx context.Context) error {
		return b.eraseStored(ctx, stored, unchanged)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case final(err):
		return inOurWords(err)
	}
	return b.postponeErase(ctx, stored)
}

// Deleted is called when the event has been deleted here.
func (b *Bridge) Deleted(stored *events.Event) { b.graves.add(stored.UIDInHost()) }

func (b *Bridge) eraseStored(ctx context.Context, stored *events.Event, unchanged bool) error {
	key := KeyOf(stored)
	if stored.Host.Version == 0 {
		if !stored.Host.Pending {
			return nil // the host has never had it
		}
		return b.erase(ctx, key, Identity{Print: fingerprint(stored)})
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

// dropFinalizers takes the finalizers off an event in the host that goes here: it
// goes here when the last one was taken off. That may delete it in the host.
func (b *Bridge) dropFinalizers(ctx context.Context, stored *events.Event) error {
	if len(stored.Finalizers) == 0 {
		return nil
	}
	bare := *stored
	bare.Finalizers = nil
	_, err := b.config.Host.Update(ctx, &bare, false)
	return err
}

// erase deletes the event of the identity in the host, if it is there.
func (b *Bridge) erase(ctx context.Context, key Key, identity Identity) error {
	uid := identity.UID
	if uid == "" {
		current, err := b.config.Host.Get(ctx, key)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if fingerprint(current) != identity.Print {
			return nil
		}
		uid = current.UID
	}
	err := b.config.Host.Delete(ctx, key, Preconditions{UID: uid}, false)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		// Gone, or another one has its name.
		err = nil
	}
	if err == nil {
		b.graves.add(uid)
	}
	return err
}

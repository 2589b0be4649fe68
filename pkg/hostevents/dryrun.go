// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// TryCreate returns the error with which the host refuses the creation. A host that
// cannot be reached refuses nothing.
func (b *Bridge) TryCreate(ctx context.Context, event *events.Event) error {
	return b.try(ctx, event.Namespace, func(ctx context.Context) error {
		_, err := b.config.Host.Create(ctx, event, true)
		return err
	})
}

// TryUpdate returns the error with which the host refuses the change. A host that has
// another state, or none, refuses nothing: the write itself would be based on that.
func (b *Bridge) TryUpdate(ctx context.Context, updated *events.Event) error {
	if b.staysLocal(updated) {
		return nil
	}
	return b.try(ctx, updated.Namespace, func(ctx context.Context) error {
		if updated.Host.Version == 0 {
			_, err := b.config.Host.Create(ctx, updated, true)
			return unless(err, apierrors.IsAlreadyExists)
		}
		_, err := b.config.Host.Update(ctx, updated, true)
		return unless(err, apierrors.IsConflict, apierrors.IsNotFound)
	})
}

// TryDelete returns the error with which the host refuses the deletion.
func (b *Bridge) TryDelete(ctx context.Context, stored *events.Event) error {
	if stored.Host.Version == 0 || b.goneInHost(stored) {
		return nil
	}
	return b.try(ctx, stored.Namespace, func(ctx context.Context) error {
		err := b.config.Host.Delete(ctx, KeyOf(stored), Preconditions{UID: stored.UIDInHost()}, true)
		return unless(err, apierrors.IsConflict, apierrors.IsNotFound)
	})
}

func (b *Bridge) try(ctx context.Context, namespace string, call func(context.Context) error) error {
	if !b.reachable(namespace) {
		return nil
	}
	err := b.inTime(ctx, namespace, call)
	if err != nil && terminal(err) {
		return withOurGroup(err)
	}
	return ctx.Err()
}

func unless(err error, kinds ...func(error) bool) error {
	for _, is := range kinds {
		if is(err) {
			return nil
		}
	}
	return err
}

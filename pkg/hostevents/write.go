// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/internal/retry"
)

// Create creates the event in the host and returns it as it is to be stored. If the
// host cannot do it now, the event goes to the outbox. The error is the host's
// refusal.
func (b *Bridge) Create(ctx context.Context, event *events.Event) (*events.Event, error) {
	attempt := *event
	attempt.Host = events.HostState{}
	return b.write(ctx, &attempt, func(ctx context.Context) (*events.Event, error) {
		return b.config.Host.Create(ctx, &attempt, false)
	})
}

// Update makes the change from stored to updated in the host and returns the event as
// it is to be stored. It fails with a MovedError if the host's state is not the
// stored one.
func (b *Bridge) Update(ctx context.Context, stored, updated *events.Event) (*events.Event, error) {
	attempt := *updated
	attempt.Host, attempt.UID = stored.Host, stored.UID
	if b.staysLocal(&attempt) {
		return &attempt, nil
	}
	made, err := b.write(ctx, &attempt, func(ctx context.Context) (*events.Event, error) {
		if updated.DeletionTimestamp != nil && stored.DeletionTimestamp == nil && stored.Host.Version != 0 {
			return b.markDeleted(ctx, &attempt)
		}
		return b.push(ctx, &attempt)
	})
	if err != nil {
		return nil, err
	}
	return withIdentity(made, made.UIDInHost(), stored), nil
}

// markDeleted deletes an event with finalizers in the host, which marks it there
// until they are gone.
func (b *Bridge) markDeleted(ctx context.Context, event *events.Event) (*events.Event, error) {
	key, only := KeyOf(event), Preconditions{UID: event.UIDInHost(), Version: event.Host.Version}
	deleted := b.config.Host.Delete(ctx, key, only, false)
	if deleted != nil && !apierrors.IsConflict(deleted) && !apierrors.IsNotFound(deleted) {
		return nil, deleted
	}
	current, err := b.config.Host.Get(ctx, key)
	switch {
	case apierrors.IsNotFound(err):
		return nil, &MovedError{Key: key, Stored: event}
	case err == nil && deleted != nil:
		return nil, &MovedError{Key: key, Stored: event, Current: current}
	}
	return current, err
}

// write calls the host within the timeout, or puts the event into the outbox.
func (b *Bridge) write(ctx context.Context, attempt *events.Event, call func(context.Context) (*events.Event, error)) (*events.Event, error) {
	if !b.reachable(attempt.Namespace) {
		return b.postpone(ctx, attempt)
	}
	var made *events.Event
	err := b.inTime(ctx, attempt.Namespace, func(ctx context.Context) (err error) {
		made, err = call(ctx)
		return err
	})
	switch {
	case err == nil:
		return asStored(made, attempt), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case terminal(err):
		return nil, withOurGroup(err)
	}
	return b.postpone(ctx, attempt)
}

// reachable reports whether a write to the namespace should go to the host at once.
func (b *Bridge) reachable(namespace string) bool {
	return b.config.Mode == ModeSync && b.breaker.Check(namespace) == retry.Permitted
}

// inTime calls the host about an event of the namespace within the timeout, and
// records the outcome.
func (b *Bridge) inTime(ctx context.Context, namespace string, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, b.config.Timeout)
	defer cancel()
	err := call(limited)
	switch {
	case err == nil || terminal(err) || errors.As(err, new(*busyError)):
		b.breaker.Succeeded(namespace)
		b.state.mirrored(err)
	case ctx.Err() == nil:
		b.state.mirrorFailed(err)
		if b.recordFailure(namespace, err) {
			klog.FromContext(ctx).Info("The host cluster is unavailable; writes go to the outbox until it is available again", "err", err)
		}
	}
	return err
}

// recordFailure records in the breaker that the host has not decided about a write to the
// namespace. It reports whether the host counts as unavailable from now on.
func (b *Bridge) recordFailure(namespace string, err error) (opened bool) {
	switch answerOf(err) {
	case unavailable:
		return b.breaker.HostFailed()
	case timedOut:
		return b.breaker.TimedOut(namespace)
	case throttled:
		seconds, _ := apierrors.SuggestsClientDelay(err)
		b.breaker.Throttled(namespace, time.Duration(seconds)*time.Second)
	case notAuthorized:
		b.breaker.NamespaceFailed(namespace)
	case answered:
	}
	return false
}

// asStored is the host's state with the fields that this server has for itself.
func asStored(made, attempt *events.Event) *events.Event {
	stored := *made
	stored.ManagedFields = attempt.ManagedFields
	stored.ResourceVersion = attempt.ResourceVersion
	return &stored
}

// push makes the host's state equal to the event, whose Host state is the state of
// the host that it is based on.
func (b *Bridge) push(ctx context.Context, event *events.Event) (*events.Event, error) {
	host := b.config.Host
	if event.Host.Version == 0 {
		made, err := host.Create(ctx, event, false)
		if !apierrors.IsAlreadyExists(err) {
			return made, err
		}
	} else {
		made, err := host.Update(ctx, event, false)
		if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return made, err
		}
	}
	current, err := host.Get(ctx, KeyOf(event))
	if apierrors.IsNotFound(err) {
		return b.pushMissing(ctx, event)
	}
	if err != nil {
		return nil, err
	}
	if !event.Host.Pending || !sameEvent(event, current) {
		return nil, &MovedError{Key: KeyOf(event), Stored: event, Current: current}
	}
	// The stored state was acknowledged after the host's state was made, or is that
	// state.
	next := *event
	next.Host = current.Host
	next.Host.UID = current.UID
	made, err := host.Update(ctx, &next, false)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil, &busyError{err}
	}
	return made, err
}

// pushMissing creates an event again that the host does not have any more, unless it
// was deleted there, or has expired there without a new occurrence.
func (b *Bridge) pushMissing(ctx context.Context, event *events.Event) (*events.Event, error) {
	expired := b.expiredInHost(event)
	if event.Host.Version != 0 && !event.Host.Pending && !expired {
		return nil, &MovedError{Key: KeyOf(event), Stored: event}
	}
	if expired && !recurred(event) {
		here := *event
		here.Host.Pending = false
		return &here, nil
	}
	made, err := b.config.Host.Create(ctx, event, false)
	if apierrors.IsAlreadyExists(err) {
		return nil, &busyError{err}
	}
	return made, err
}

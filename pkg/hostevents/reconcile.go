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
)

// tryDrain makes the host equal for one record, or puts the next attempt off.
func (b *Bridge) tryDrain(ctx context.Context, record Record) {
	done, err := b.settle(ctx, record)
	switch {
	case done:
		b.backoff.Succeeded(record.Key.String())
		return
	case err == nil, ctx.Err() != nil:
		return
	}
	switch answerOf(err) {
	case unavailable, throttled, lacksRight:
		// The breaker decides when the next request goes out.
	case answered, timedOut:
		b.backoff.Failed(record.Key.String())
	}
	klog.FromContext(ctx).V(2).Info("An event waits to be made in the host cluster", "event", record.Key.String(), "err", err)
}

// recordGrace is how long another replica may take from putting a record to
// storing the event.
const recordGrace = 3 * time.Second

// settle makes the host equal for one key, and removes the record. It reports false
// where the record must stay for now.
func (b *Bridge) settle(ctx context.Context, record Record) (done bool, err error) {
	defer b.Lock(record.Key)()
	for _, identity := range record.Erase {
		err := b.inTime(ctx, record.Key.Namespace, func(ctx context.Context) error { return b.erase(ctx, record.Key, identity) })
		if err != nil && !rejected(err) {
			return false, err
		}
		b.graves.removePrint(identity.Print)
	}
	stored, err := b.config.Local.Get(ctx, record.Key)
	if err != nil {
		return false, err
	}
	switch {
	case stored != nil && stored.Host.Pending:
		if err := b.settlePending(ctx, stored); err != nil {
			return false, err
		}
	case b.config.Shared && !b.backoff.Confirmed(record.Key.String(), record.Token, recordGrace):
		// The event may be about to be stored by the replica that put the record.
		return false, nil
	}
	if err := b.config.Records.Remove(ctx, record); err != nil {
		return false, err
	}
	b.state.change(func(status *Status) { status.Settled++ })
	return true, nil
}

// settlePending makes the host's event equal to the stored one.
func (b *Bridge) settlePending(ctx context.Context, stored *events.Event) error {
	var made *events.Event
	err := b.inTime(ctx, stored.Namespace, func(ctx context.Context) (err error) {
		made, err = b.push(ctx, stored)
		return err
	})
	if moved := new(MovedError); errors.As(err, &moved) {
		return b.TakeIn(ctx, moved)
	}
	if rejected(err) {
		return b.undo(ctx, stored, err)
	}
	if err != nil {
		return err
	}
	return b.adopt(ctx, stored, made, made.Host)
}

// undo takes back a write that was answered and which the host has rejected since:
// no view shows for long what the cluster's admission does not admit. An event
// that the host never had is deleted here, one that it has goes back to its state
// there. One that it has let expire stays as it is: here alone, as it would be
// without the write.
func (b *Bridge) undo(ctx context.Context, stored *events.Event, rejection error) error {
	klog.FromContext(ctx).Info("The host cluster rejects a write that waited for it; it is undone", "event", klog.KRef(stored.Namespace, stored.Name), "err", rejection)
	err := b.undone(ctx, stored)
	if err == nil {
		b.state.change(func(status *Status) { status.SettleRefused++ })
	}
	return err
}

func (b *Bridge) undone(ctx context.Context, stored *events.Event) error {
	key := KeyOf(stored)
	if stored.Host.Version == 0 {
		return b.config.Local.Delete(ctx, key, func(now *events.Event) bool {
			return now.UID == stored.UID && now.ResourceVersion == stored.ResourceVersion
		})
	}
	var current *events.Event
	err := b.inTime(ctx, key.Namespace, func(ctx context.Context) (err error) {
		current, err = b.config.Host.Get(ctx, key)
		return err
	})
	if apierrors.IsNotFound(err) {
		state := stored.Host
		state.Pending = false
		return b.adopt(ctx, stored, stored, state)
	}
	if err != nil {
		return err
	}
	return b.adopt(ctx, stored, current, current.Host)
}

// adopt stores what has become of the stored event in the host.
func (b *Bridge) adopt(ctx context.Context, stored, made *events.Event, state events.HostState) error {
	return b.config.Local.Upsert(ctx, KeyOf(stored), func(now *events.Event) (*events.Event, time.Duration) {
		if now == nil || now.Host.Version > state.Version {
			return nil, 0
		}
		next := asStored(made, now)
		if now.ResourceVersion != stored.ResourceVersion {
			// Written again meanwhile, by another replica.
			if now.UID != stored.UID {
				return nil, 0
			}
			next = asStored(now, now)
			state.Pending = now.Host.Pending
		}
		next.Host = state
		next = withIdentity(next, made.UIDInHost(), now)
		return next, max(lifeLeft(next, b.config.Now(), b.config.Retention(next)), time.Second)
	})
}

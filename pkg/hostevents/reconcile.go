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

// drainRecord makes the event of one record equal in the host, or schedules the next
// attempt.
func (b *Bridge) drainRecord(ctx context.Context, record Record) {
	done, err := b.reconcile(ctx, record)
	switch {
	case done:
		b.backoff.Succeeded(record.Key.String())
		return
	case err == nil, ctx.Err() != nil:
		return
	}
	switch answerOf(err) {
	case unavailable, throttled, notAuthorized:
		// The breaker decides when the next request is sent.
	case answered, timedOut:
		b.backoff.Failed(record.Key.String())
	}
	klog.FromContext(ctx).V(2).Info("Failed to write an event to the host cluster; it stays in the outbox", "event", klog.KRef(record.Key.Namespace, record.Key.Name), "err", err)
}

// recordGrace is how long another replica may take from putting a record to storing
// the event.
const recordGrace = 3 * time.Second

// reconcile makes the event of one record equal in the host and removes the record.
// It returns false if the record must stay for now.
func (b *Bridge) reconcile(ctx context.Context, record Record) (done bool, err error) {
	defer b.Lock(record.Key)()
	for _, identity := range record.Deletions {
		err := b.inTime(ctx, record.Key.Namespace, func(ctx context.Context) error { return b.deleteInHost(ctx, record.Key, identity) })
		if err != nil && !rejected(err) {
			return false, err
		}
		b.tombstones.removeFingerprint(identity.Fingerprint)
	}
	stored, err := b.config.Local.Get(ctx, record.Key)
	if err != nil {
		return false, err
	}
	switch {
	case stored != nil && stored.Host.Pending:
		if err := b.reconcilePending(ctx, stored); err != nil {
			return false, err
		}
	case b.config.Shared && !b.backoff.Confirmed(record.Key.String(), record.Token, recordGrace):
		// The replica that put the record may be about to store the event.
		return false, nil
	}
	if err := b.config.Outbox.Remove(ctx, record); err != nil {
		return false, err
	}
	b.state.change(func(status *Status) { status.Drained++ })
	return true, nil
}

// reconcilePending makes the host's event equal to the stored one.
func (b *Bridge) reconcilePending(ctx context.Context, stored *events.Event) error {
	var made *events.Event
	err := b.inTime(ctx, stored.Namespace, func(ctx context.Context) (err error) {
		made, err = b.push(ctx, stored)
		return err
	})
	if moved := new(MovedError); errors.As(err, &moved) {
		return b.Ingest(ctx, moved)
	}
	if rejected(err) {
		return b.undo(ctx, stored, err)
	}
	if err != nil {
		return err
	}
	return b.adopt(ctx, stored, made, made.Host)
}

// undo reverts a write that was answered and that the host has rejected afterwards,
// so that no view keeps what the cluster's admission does not admit. An event that
// the host never had is deleted here, one that it has returns to its state there. One
// that has expired there stays as it is, here alone, as it would without the write.
func (b *Bridge) undo(ctx context.Context, stored *events.Event, rejection error) error {
	klog.FromContext(ctx).Info("The host cluster rejected a write from the outbox; it is reverted", "event", klog.KRef(stored.Namespace, stored.Name), "err", rejection)
	err := b.restore(ctx, stored)
	if err == nil {
		b.state.change(func(status *Status) { status.DrainRejected++ })
	}
	return err
}

func (b *Bridge) restore(ctx context.Context, stored *events.Event) error {
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

// adopt stores the state that the stored event has in the host now.
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
		return next, max(remainingTTL(next, b.config.Now(), b.config.Retention(next)), time.Second)
	})
}

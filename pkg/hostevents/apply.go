// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// TakeIn makes what is stored follow the host, as a MovedError tells. The caller
// holds the lock of the key.
func (b *Bridge) TakeIn(ctx context.Context, moved *MovedError) error {
	if moved.Current == nil {
		return b.config.Local.Delete(ctx, moved.Key, func(stored *events.Event) bool {
			return stored.UID == moved.Stored.UID && stored.Host == moved.Stored.Host
		})
	}
	// It was read just now, so it holds also against a higher version: that is
	// from a time to which the host was set back.
	return b.store(ctx, moved.Current, false, func(stored *events.Event) bool {
		return stored.Host.Version != moved.Current.Host.Version
	})
}

// takeChange stores a change of the host. The caller holds the lock of the key.
func (b *Bridge) takeChange(ctx context.Context, change Change) error {
	if change.Deleted {
		// Also one that was made here: another replica may have brought the event
		// back by an older change.
		return b.takeDeletion(ctx, change)
	}
	if b.graves.holds(change.Event) {
		return nil
	}
	return b.store(ctx, change.Event, change.Unknown, func(stored *events.Event) bool {
		return stored.Host.Version < change.Version
	})
}

// takeDeletion follows a deletion in the host, if somebody deleted the event.
func (b *Bridge) takeDeletion(ctx context.Context, change Change) error {
	now := b.config.Now()
	young := now.Sub(change.Event.CreationTimestamp.Time) < buryYounger
	if b.config.Shared && young && !b.expiredInHost(change.Event) {
		// Another replica may have made it and not stored it yet.
		if err := b.config.Records.Bury(ctx, change.Event.UID, buryLife); err != nil {
			return err
		}
	}
	return b.config.Local.Delete(ctx, KeyOf(change.Event), func(stored *events.Event) bool {
		if stored.UIDInHost() != change.Event.UID || stored.Host.Version >= change.Version {
			return false
		}
		written := latest(lastWritten(change.Event), lastWritten(stored))
		return !expiredInHost(written, now, b.config.HostTTL)
	})
}

const (
	// buryYounger is how old an event may be in the host until the replica that
	// made it has stored it.
	buryYounger = time.Minute
	// buryLife is for how long such a replica can learn that it was deleted since.
	buryLife = 2 * time.Minute
)

// Stored is called when an event that was made in the host has been stored. It
// tells whether the event was deleted in the host before, so that the deletion
// found nothing to delete here. Where the store has one process the lock of the
// key keeps that from happening.
func (b *Bridge) Stored(ctx context.Context, made *events.Event) (deleted bool, err error) {
	if !b.config.Shared || made.Host.Version == 0 {
		return false, nil
	}
	return b.config.Records.Buried(ctx, made.UIDInHost())
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// store stores the host's state where nothing is stored, or where newer says
// that it is newer than what is. Unknown says that most likely nothing is.
func (b *Bridge) store(ctx context.Context, current *events.Event, unknown bool, newer func(stored *events.Event) bool) error {
	life := lifeLeft(current, b.config.Now(), b.config.Retention(current))
	if life < time.Second {
		return nil
	}
	if unknown {
		created, err := b.config.Local.Create(ctx, current, life)
		if created {
			b.state.tookIn()
		}
		if created || err != nil {
			return err
		}
	}
	taken := false
	err := b.config.Local.Upsert(ctx, KeyOf(current), func(stored *events.Event) (*events.Event, time.Duration) {
		taken = false
		if stored != nil && !newer(stored) {
			return nil, 0
		}
		taken = true
		return Merge(stored, current), life
	})
	if err == nil && taken {
		b.state.tookIn()
	}
	return err
}

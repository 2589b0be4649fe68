// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Ingest stores the host's state that a MovedError has. The caller holds the lock of
// the key.
func (b *Bridge) Ingest(ctx context.Context, moved *MovedError) error {
	if moved.Current == nil {
		return b.config.Local.Delete(ctx, moved.Key, func(stored *events.Event) bool {
			return stored.UID == moved.Stored.UID && stored.Host == moved.Stored.Host
		})
	}
	// The state was read just now, so it also replaces a higher version: that one is
	// from before the host was restored from a backup.
	return b.store(ctx, moved.Current, false, func(stored *events.Event) bool {
		return stored.Host.Version != moved.Current.Host.Version
	})
}

// applyChange stores a change of the host. The caller holds the lock of the key.
func (b *Bridge) applyChange(ctx context.Context, change Change) error {
	if change.Deleted {
		// Also a deletion that was made here: another replica may have stored the event
		// again, from an older change.
		return b.applyDeletion(ctx, change)
	}
	if b.tombstones.holds(change.Event) {
		return nil
	}
	return b.store(ctx, change.Event, change.LikelyNew, func(stored *events.Event) bool {
		return stored.Host.Version < change.Version
	})
}

// applyDeletion deletes the event if it was deleted in the host and has not expired
// there.
func (b *Bridge) applyDeletion(ctx context.Context, change Change) error {
	now := b.config.Now()
	young := now.Sub(change.Event.CreationTimestamp.Time) < unstoredAge
	if b.config.Shared && young && !b.expiredInHost(change.Event) {
		// Another replica may have created it and not stored it yet.
		if err := b.config.Outbox.AddTombstone(ctx, change.Event.UID, sharedTombstoneTTL); err != nil {
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
	// unstoredAge is how old an event may be in the host before the replica that
	// created it has stored it.
	unstoredAge = time.Minute
	// sharedTombstoneTTL is how long such a replica can find out that it was deleted
	// meanwhile.
	sharedTombstoneTTL = 2 * time.Minute
)

// DeletedMeanwhile is called when an event that was made in the host has been stored.
// It reports whether the event was deleted in the host before, so that the deletion
// found nothing to delete here. In a store of one process the lock of the key
// prevents that.
func (b *Bridge) DeletedMeanwhile(ctx context.Context, made *events.Event) (deleted bool, err error) {
	if !b.config.Shared || made.Host.Version == 0 {
		return false, nil
	}
	return b.config.Outbox.HasTombstone(ctx, made.UIDInHost())
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// store stores the host's state if nothing is stored, or if newer returns true for
// what is. LikelyNew is set if most likely nothing is stored.
func (b *Bridge) store(ctx context.Context, current *events.Event, likelyNew bool, newer func(stored *events.Event) bool) error {
	ttl := remainingTTL(current, b.config.Now(), b.config.Retention(current))
	if ttl < time.Second {
		return nil
	}
	if likelyNew {
		created, err := b.config.Local.Create(ctx, current, ttl)
		if created {
			b.state.ingested()
		}
		if created || err != nil {
			return err
		}
	}
	applied := false
	err := b.config.Local.Upsert(ctx, KeyOf(current), func(stored *events.Event) (*events.Event, time.Duration) {
		applied = false
		if stored != nil && !newer(stored) {
			return nil, 0
		}
		applied = true
		return Merge(stored, current), ttl
	})
	if err == nil && applied {
		b.state.ingested()
	}
	return err
}

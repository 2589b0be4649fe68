// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"fmt"
	"slices"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// postpone puts a record of the event into the outbox, and returns the event as it is
// to be stored. The record is stored before the event, so that neither a crash nor
// another replica can leave the event without it.
func (b *Bridge) postpone(ctx context.Context, event *events.Event) (*events.Event, error) {
	if err := b.record(ctx, KeyOf(event), nil); err != nil {
		return nil, err
	}
	stored := *event
	stored.Host.Pending = true
	return &stored, nil
}

// postponeDelete puts the deletion of the event into the outbox.
func (b *Bridge) postponeDelete(ctx context.Context, stored *events.Event) error {
	if stored.Host.Version == 0 && !stored.Host.Pending {
		return nil // the host has never had it
	}
	identity := &Identity{Fingerprint: fingerprint(stored)}
	if stored.Host.Version != 0 {
		identity.UID = stored.UIDInHost()
	}
	if err := b.record(ctx, KeyOf(stored), identity); err != nil {
		return err
	}
	b.tombstone(*identity)
	return nil
}

// tombstone keeps an event that is to be deleted in the host from being ingested.
func (b *Bridge) tombstone(identity Identity) {
	if identity.UID == "" {
		b.tombstones.addFingerprint(identity.Fingerprint)
		return
	}
	b.tombstones.add(identity.UID)
}

// tombstoneQueued adds tombstones for all deletions in the outbox: an earlier process
// may have put them there, or their tombstones have expired. The host has these
// events until the outbox is drained.
func (b *Bridge) tombstoneQueued(ctx context.Context) error {
	if !b.Mirrors() {
		return nil
	}
	b.tombstones.clearFingerprints()
	err := b.config.Outbox.Each(ctx, func(record Record) bool {
		for _, identity := range record.Deletions {
			b.tombstone(identity)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("reading the deletions in the outbox: %w", err)
	}
	return nil
}

func (b *Bridge) record(ctx context.Context, key Key, deletion *Identity) error {
	err := b.config.Outbox.Put(ctx, key, b.config.HostTTL, func(record *Record) {
		if record.Since.IsZero() {
			record.Since = b.config.Now()
		}
		// A deletion stays in the record when the event is created again: the name is
		// not free in the host before.
		if deletion != nil && !slices.Contains(record.Deletions, *deletion) {
			record.Deletions = append(slices.Clone(record.Deletions), *deletion)
		}
	})
	if err != nil {
		return fmt.Errorf("recording that event %s is not in the host cluster yet: %w", key, err)
	}
	b.state.change(func(status *Status) { status.Postponed++ })
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

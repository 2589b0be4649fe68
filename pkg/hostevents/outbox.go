// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"fmt"
	"slices"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// postpone puts the event into the queue, and returns it as it is to be stored.
// The record is there before the event is, so that neither a crash nor another
// replica can leave the event without it.
func (b *Bridge) postpone(ctx context.Context, event *events.Event) (*events.Event, error) {
	if err := b.record(ctx, KeyOf(event), nil); err != nil {
		return nil, err
	}
	stored := *event
	stored.Host.Pending = true
	return &stored, nil
}

// postponeErase puts the deletion of the event into the queue.
func (b *Bridge) postponeErase(ctx context.Context, stored *events.Event) error {
	if stored.Host.Version == 0 && !stored.Host.Pending {
		return nil // the host has never had it
	}
	identity := &Identity{Print: fingerprint(stored)}
	if stored.Host.Version != 0 {
		identity.UID = stored.UIDInHost()
	}
	if err := b.record(ctx, KeyOf(stored), identity); err != nil {
		return err
	}
	b.bury(*identity)
	return nil
}

// bury keeps an event from being taken in that is to be deleted in the host.
func (b *Bridge) bury(identity Identity) {
	if identity.UID == "" {
		b.graves.addPrint(identity.Print)
		return
	}
	b.graves.add(identity.UID)
}

// buryQueued does so for all that are in the queue: a former process may have put
// them there, or they are older than what the graves remember. The host still
// shows them until the queue has come to them.
func (b *Bridge) buryQueued(ctx context.Context) error {
	if !b.Mirrors() {
		return nil
	}
	b.graves.forgetPrints()
	err := b.config.Records.Each(ctx, func(record Record) bool {
		for _, identity := range record.Erase {
			b.bury(identity)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("reading which events are to be deleted in the host cluster: %w", err)
	}
	return nil
}

func (b *Bridge) record(ctx context.Context, key Key, erase *Identity) error {
	err := b.config.Records.Put(ctx, key, b.config.HostTTL, func(record *Record) {
		if record.Since.IsZero() {
			record.Since = b.config.Now()
		}
		// A deletion stays to be made when the event is created again: the name is
		// not free in the host before.
		if erase != nil && !slices.Contains(record.Erase, *erase) {
			record.Erase = append(slices.Clone(record.Erase), *erase)
		}
	})
	if err != nil {
		return fmt.Errorf("noting that event %s is not in the host cluster yet: %w", key, err)
	}
	b.state.change(func(status *Status) { status.Postponed++ })
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

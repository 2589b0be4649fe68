// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"time"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

const (
	// queuePoll is how often the queue is looked at for what other replicas put
	// there.
	queuePoll = time.Second
	// countRest is how many times as long as counting took the queue is not counted
	// again while the host fails.
	countRest = 20
)

// workOff makes the host equal for every record, until the context ends.
func (b *Bridge) workOff(ctx context.Context) {
	ticker := time.NewTicker(queuePoll)
	defer ticker.Stop()
	var after Key
	var countAgain time.Time
	for {
		var err error
		if after, err = b.workOffOnce(ctx, after); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).V(2).Info("Events wait to be made in the host cluster", "err", err)
			if now := b.config.Now(); !now.Before(countAgain) {
				countAgain = now.Add(b.countQueue(ctx) * countRest)
			}
			// No sooner than in a second: the host is away, or fails at some events.
			select {
			case <-ctx.Done():
			case <-ticker.C:
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-b.wake:
		}
	}
}

// countQueue counts what a round that was ended early has not seen: how many wait
// is what an operator asks when the host fails. It returns how long that took.
func (b *Bridge) countQueue(ctx context.Context) time.Duration {
	begun, count := b.config.Now(), 0
	err := b.config.Records.Each(ctx, func(Record) bool {
		count++
		return true
	})
	if err == nil {
		b.state.change(func(status *Status) { status.Queue = count })
	}
	return b.config.Now().Sub(begun)
}

// settle makes the host equal for one key, and removes the record.
func (b *Bridge) settle(ctx context.Context, record Record) error {
	defer b.Lock(record.Key)()
	for _, identity := range record.Erase {
		err := b.inTime(ctx, func(ctx context.Context) error { return b.erase(ctx, record.Key, identity) })
		if err != nil && !final(err) {
			return err
		}
		b.graves.removePrint(identity.Print)
	}
	stored, err := b.config.Local.Get(ctx, record.Key)
	if err != nil {
		return err
	}
	if stored != nil && stored.Host.Pending {
		if err := b.settlePending(ctx, stored); err != nil {
			return err
		}
	}
	if err := b.config.Records.Remove(ctx, record); err != nil {
		return err
	}
	b.state.change(func(status *Status) { status.Settled++ })
	return nil
}

// settlePending makes the host's event equal to the stored one. What the host
// refuses stays here alone.
func (b *Bridge) settlePending(ctx context.Context, stored *events.Event) error {
	var made *events.Event
	err := b.inTime(ctx, func(ctx context.Context) (err error) {
		made, err = b.push(ctx, stored)
		return err
	})
	if moved := new(MovedError); errors.As(err, &moved) {
		return b.TakeIn(ctx, moved)
	}
	if err != nil && !final(err) {
		return err
	}
	if err != nil {
		klog.FromContext(ctx).Info("The host cluster refuses an event, which stays here alone", "event", klog.KRef(stored.Namespace, stored.Name), "err", err)
		b.state.change(func(status *Status) { status.SettleRefused++ })
		state := stored.Host
		state.Pending = false
		return b.adopt(ctx, stored, stored, state)
	}
	return b.adopt(ctx, stored, made, made.Host)
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
			next.UID, next.CreationTimestamp = made.UID, made.CreationTimestamp
			state.Pending = now.Host.Pending
		}
		next.Host = state
		return next, max(lifeLeft(next, b.config.Now(), b.config.Retention(next)), time.Second)
	})
}

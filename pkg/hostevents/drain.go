// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents/internal/retry"
)

const (
	// drainPoll is how often the outbox is looked at for what other replicas have
	// put there, and for what is due again.
	drainPoll = time.Second
	// drainWorkers is how many events are made equal at once.
	drainWorkers = 16
	// drainShare bounds the time spent on reading an outbox that does not become
	// shorter to one part in so many.
	drainShare = 10
)

// drainer makes the host equal for the records of the outbox. Reading it does not
// wait for the host's answers, so that events which the host does not answer
// hold up none of the others.
type drainer struct {
	bridge *Bridge
	slots  chan struct{}
	ended  sync.WaitGroup

	mutex    sync.Mutex
	inFlight map[Key]struct{}
}

func newDrainer(bridge *Bridge) *drainer {
	return &drainer{bridge: bridge, slots: make(chan struct{}, drainWorkers), inFlight: map[Key]struct{}{}}
}

// run drains the outbox until the context ends.
func (d *drainer) run(ctx context.Context) {
	defer d.ended.Wait()
	for ctx.Err() == nil {
		begun := time.Now()
		left, err := d.pass(ctx)
		if err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Failed to read which events are to be made in the host cluster; trying again")
		}
		if left || err != nil {
			pause(ctx, min(time.Since(begun)*drainShare, time.Minute))
		}
		select {
		case <-ctx.Done():
		case <-time.After(drainPoll):
		case <-d.bridge.wake:
		}
	}
}

func pause(ctx context.Context, duration time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
}

// pass begins with every record that is due, and tells whether some were left. It
// ends early while the host is away, after which the records are only counted.
func (d *drainer) pass(ctx context.Context) (left bool, err error) {
	b, seen, away := d.bridge, 0, false
	err = b.config.Records.Each(ctx, func(record Record) bool {
		seen++
		if away || !d.due(record.Key) {
			left = true
			return ctx.Err() == nil
		}
		switch b.breaker.Check(record.Key.Namespace) {
		case retry.HostAway:
			away, left = true, true
			return ctx.Err() == nil
		case retry.NamespaceAway:
			left = true
			return ctx.Err() == nil
		case retry.Permitted:
		}
		return d.begin(ctx, record)
	})
	if err != nil || ctx.Err() != nil {
		return left, err
	}
	b.state.change(func(status *Status) { status.Queue = seen })
	b.backoff.Passed()
	return left, nil
}

// due tells whether nothing is under way for the key, and the last failure is
// long enough ago.
func (d *drainer) due(key Key) bool {
	d.mutex.Lock()
	_, busy := d.inFlight[key]
	d.mutex.Unlock()
	return d.bridge.backoff.Due(key.String()) && !busy
}

// begin makes the host equal for the record in the background, once a slot is
// free. What has begun is not broken off.
func (d *drainer) begin(ctx context.Context, record Record) bool {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	d.mutex.Lock()
	d.inFlight[record.Key] = struct{}{}
	d.mutex.Unlock()
	d.ended.Go(func() {
		d.bridge.tryDrain(ctx, record)
		d.mutex.Lock()
		delete(d.inFlight, record.Key)
		d.mutex.Unlock()
		<-d.slots
	})
	return true
}

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
	// drainPoll is how often the outbox is read for records of other replicas, and for
	// those that are due again.
	drainPoll = time.Second
	// drainWorkers is how many records are drained at once.
	drainWorkers = 16
	// drainShare limits the time spent on reading an outbox that does not become
	// shorter to one part in this many.
	drainShare = 10
)

// drainer drains the outbox: it makes the events of its records equal in the host.
// Reading the outbox does not wait for the host's answers, so that events for which
// the host does not answer delay no other.
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
			klog.FromContext(ctx).Error(err, "Failed to read the outbox; retrying")
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

// pass starts to drain every record that is due, and reports whether some were left.
// While the host is unavailable the rest of the records is only counted.
func (d *drainer) pass(ctx context.Context) (left bool, err error) {
	b, seen, unavailable := d.bridge, 0, false
	err = b.config.Outbox.Each(ctx, func(record Record) bool {
		seen++
		if unavailable || !d.due(record.Key) {
			left = true
			return ctx.Err() == nil
		}
		switch b.breaker.Check(record.Key.Namespace) {
		case retry.HostUnavailable:
			unavailable, left = true, true
			return ctx.Err() == nil
		case retry.NamespaceUnavailable:
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

// due reports whether no attempt is in progress for the key, and the backoff is over.
func (d *drainer) due(key Key) bool {
	d.mutex.Lock()
	_, busy := d.inFlight[key]
	d.mutex.Unlock()
	return d.bridge.backoff.Due(key.String()) && !busy
}

// begin drains the record in the background, once a slot is free. An attempt that has
// started is not interrupted.
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
		d.bridge.drainRecord(ctx, record)
		d.mutex.Lock()
		delete(d.inFlight, record.Key)
		d.mutex.Unlock()
		<-d.slots
	})
	return true
}

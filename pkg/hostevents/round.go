// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"sync"
)

const (
	// queueWorkers is how many events are made equal at once.
	queueWorkers = 16
	// roundFailures in a row end a round: the host is away.
	roundFailures = 3
)

// round is one way through the queue.
type round struct {
	// end keeps it from beginning with more events.
	end     context.CancelFunc
	records chan Record
	// last is the key of the record that was handed out last, handed how many were.
	last   Key
	handed int

	mutex sync.Mutex
	// inRow counts the failures since the last success, and first is the first one
	// of the round.
	inRow int
	first error
}

// settled notes how making one event equal has ended.
func (r *round) settled(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil {
		r.inRow = 0
		return
	}
	if r.first == nil {
		r.first = err
	}
	if r.inRow++; r.inRow == roundFailures {
		r.end()
	}
}

// handOut hands the records of some keys to the workers, until the context ends.
func (r *round) handOut(ctx context.Context, from Records, some func(Key) bool) error {
	return from.Each(ctx, func(record Record) bool {
		if !some(record.Key) {
			return true
		}
		select {
		case r.records <- record:
			r.last = record.Key
			r.handed++
			return true
		case <-ctx.Done():
			return false
		}
	})
}

// workOffOnce goes through the queue once, beginning behind a key. An event that
// the host fails at, while it takes others, holds up none of them: the round goes
// on, and one that was ended by failures in a row is continued behind them by the
// next, which begins after the key that is returned. The error is the first
// failure.
func (b *Bridge) workOffOnce(ctx context.Context, after Key) (next Key, err error) {
	going, end := context.WithCancel(ctx)
	defer end()
	r := &round{end: end, records: make(chan Record), last: after}
	var workers sync.WaitGroup
	for range queueWorkers {
		workers.Go(func() {
			for record := range r.records {
				// What has begun is not broken off, or it could be each time.
				r.settled(b.settle(ctx, record))
			}
		})
	}
	start := after.String()
	err = r.handOut(going, b.config.Records, func(key Key) bool { return key.String() > start })
	if err == nil && going.Err() == nil {
		err = r.handOut(going, b.config.Records, func(key Key) bool { return key.String() <= start })
	}
	close(r.records)
	workers.Wait()
	switch {
	case going.Err() != nil:
		return r.last, r.first
	case err != nil:
		return r.last, err
	}
	b.state.change(func(status *Status) { status.Queue = r.handed })
	return Key{}, r.first
}

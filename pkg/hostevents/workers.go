// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

const (
	// ingestWorkers store at once what comes in, each for its share of the keys.
	ingestWorkers = 32
	// ingestBacklog is how much may wait for each of them; then the host waits.
	ingestBacklog = 64

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// workers store what comes in: in order for each key, at once for many keys.
type workers struct {
	mark   *watermark
	queues []chan job
	ended  sync.WaitGroup
}

// job is one thing to store. It is tried until it succeeds.
type job struct {
	passage *passage
	key     Key
	do      func(ctx context.Context) error
}

// startWorkers starts workers that end with the context.
func startWorkers(ctx context.Context, mark *watermark) *workers {
	w := &workers{mark: mark}
	for range ingestWorkers {
		queue := make(chan job, ingestBacklog)
		w.queues = append(w.queues, queue)
		w.ended.Go(func() { w.run(ctx, queue) })
	}
	return w
}

func (w *workers) run(ctx context.Context, queue <-chan job) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-queue:
			if !insist(ctx, job) {
				return
			}
			w.mark.leave(job.passage)
		}
	}
}

// insist does the job, as often as it takes. It tells whether it has succeeded.
func insist(ctx context.Context, job job) bool {
	wait := firstRetry
	for {
		err := job.do(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		klog.FromContext(ctx).Error(err, "Failed to store an event of the host cluster; trying again", "event", job.key.String(), "in", wait)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// give hands a job to the worker of its key, and waits while that has too much.
func (w *workers) give(ctx context.Context, key Key, version uint64, do func(context.Context) error) error {
	work := job{passage: w.mark.enter(version, time.Now()), key: key, do: do}
	select {
	case w.queues[key.hash()%uint32(len(w.queues))] <- work: //nolint:gosec // few
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled waits until everything that was given is stored.
func (w *workers) settled(ctx context.Context) error {
	select {
	case <-w.mark.empty():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

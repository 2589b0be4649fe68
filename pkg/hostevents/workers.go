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
	// ingestWorkers is how many events are stored at once. Those that wait for
	// the disk together share one fsync, so it is many.
	ingestWorkers = 256
	// ingestBacklog is how many changes may be on their way into the store; then
	// the host waits.
	ingestBacklog = 2048

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// workers store what comes in: in order for each key, at once for many keys.
type workers struct {
	mark *watermark
	// slots has one element for each job that was given and is not done.
	slots chan struct{}
	// ready are jobs whose turn it is. It has room for all slots.
	ready chan job
	ended sync.WaitGroup

	mutex sync.Mutex
	// busy has the keys with a job that is ready or being done, and the jobs that
	// wait for it.
	busy map[Key][]job
}

// job is one thing to store. It is tried until it succeeds.
type job struct {
	passage *passage
	key     Key
	do      func(ctx context.Context) error
}

// startWorkers starts workers that end with the context.
func startWorkers(ctx context.Context, mark *watermark) *workers {
	w := &workers{
		mark:  mark,
		slots: make(chan struct{}, ingestBacklog),
		ready: make(chan job, ingestBacklog),
		busy:  map[Key][]job{},
	}
	for range ingestWorkers {
		w.ended.Go(func() { w.run(ctx) })
	}
	return w
}

func (w *workers) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-w.ready:
			if !insist(ctx, job) {
				return
			}
			w.done(job)
		}
	}
}

// done makes the next job of the key ready.
func (w *workers) done(job job) {
	w.mutex.Lock()
	if waiting := w.busy[job.key]; len(waiting) > 0 {
		w.busy[job.key] = waiting[1:]
		w.ready <- waiting[0]
	} else {
		delete(w.busy, job.key)
	}
	w.mutex.Unlock()
	<-w.slots
	w.mark.leave(job.passage)
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

// give hands over a job, to be done after those of its key that were given
// before. It waits while too much is on its way.
func (w *workers) give(ctx context.Context, key Key, version uint64, do func(context.Context) error) error {
	received := time.Now()
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	work := job{passage: w.mark.enter(version, received), key: key, do: do}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if waiting, busy := w.busy[key]; busy {
		w.busy[key] = append(waiting, work)
		return nil
	}
	w.busy[key] = nil
	w.ready <- work
	return nil
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

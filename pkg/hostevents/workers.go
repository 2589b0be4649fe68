// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"k8s.io/klog/v2"
)

const (
	// ingestWorkers is how many events are stored at once. Those that wait for
	// the disk together share one fsync, so it is many.
	ingestWorkers = 256
	// ingestBacklog is how many changes may be on their way into the store, and
	// ingestBytes how large they may be together; then the host waits.
	ingestBacklog = 2048
	ingestBytes   = 16 << 20

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// workers store what comes in: in order for each key, at once for many keys.
type workers struct {
	mark *watermark
	// slots has one element for each job that was given and is not done.
	slots chan struct{}
	// room is what is left of ingestBytes.
	room *semaphore.Weighted
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
	// size is how many bytes of room it has taken.
	size int64
	do   func(ctx context.Context) error
}

// startWorkers starts workers that end with the context.
func startWorkers(ctx context.Context, mark *watermark) *workers {
	w := &workers{
		mark:  mark,
		slots: make(chan struct{}, ingestBacklog),
		room:  semaphore.NewWeighted(ingestBytes),
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
	w.room.Release(job.size)
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
// before. It keeps so many bytes in memory until it is done. Give waits while too
// much is on its way.
func (w *workers) give(ctx context.Context, key Key, version uint64, size int64, do func(context.Context) error) error {
	received := time.Now()
	// One that is larger than all the room there is has it for itself.
	size = min(size, ingestBytes)
	if err := w.room.Acquire(ctx, size); err != nil {
		return err
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		w.room.Release(size)
		return ctx.Err()
	}
	work := job{passage: w.mark.enter(version, received), key: key, size: size, do: do}
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

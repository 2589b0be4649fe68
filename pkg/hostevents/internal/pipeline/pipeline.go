// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"k8s.io/klog/v2"
)

const (
	// concurrency is how many jobs run at once. Those that wait for the disk together
	// share one fsync, so it is high.
	concurrency = 256
	// backlog is how many jobs may be in the pipeline, and backlogBytes their total
	// size; then Enqueue waits.
	backlog      = 2048
	backlogBytes = 16 << 20

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Pipeline runs jobs in order for each key, and concurrently for different keys. Its
// methods may be called concurrently.
type Pipeline struct {
	mark watermark
	// slots has one element for each job that was enqueued and is not done.
	slots chan struct{}
	// room is the rest of backlogBytes.
	room *semaphore.Weighted
	// ready are jobs that can run. It has capacity for all slots.
	ready chan job
	ended sync.WaitGroup

	mutex sync.Mutex
	// busy has the keys with a job that is ready or running, and the jobs that wait
	// for it.
	busy map[string][]job
}

// job stores one change. It is retried until it succeeds.
type job struct {
	change *pendingChange
	key    string
	// size is its share of backlogBytes.
	size int64
	do   func(ctx context.Context) error
}

// Start starts a pipeline that ends with the context.
func Start(ctx context.Context) *Pipeline {
	p := &Pipeline{
		slots: make(chan struct{}, backlog),
		room:  semaphore.NewWeighted(backlogBytes),
		ready: make(chan job, backlog),
		busy:  map[string][]job{},
	}
	for range concurrency {
		p.ended.Go(func() { p.run(ctx) })
	}
	return p
}

func (p *Pipeline) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-p.ready:
			if !retryUntilDone(ctx, job) {
				return
			}
			p.done(job)
		}
	}
}

// done makes the next job of the key ready.
func (p *Pipeline) done(job job) {
	p.mutex.Lock()
	if waiting := p.busy[job.key]; len(waiting) > 0 {
		p.busy[job.key] = waiting[1:]
		p.ready <- waiting[0]
	} else {
		delete(p.busy, job.key)
	}
	p.mutex.Unlock()
	<-p.slots
	p.room.Release(job.size)
	p.mark.finish(job.change)
}

// retryUntilDone runs the job until it succeeds, and reports whether it has.
func retryUntilDone(ctx context.Context, job job) bool {
	wait := firstRetry
	for {
		err := job.do(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		klog.FromContext(ctx).Error(err, "Failed to store a change; retrying", "key", job.key, "backoff", wait)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// Enqueue adds the job that stores a version of the key. It runs after the earlier
// ones of that key and is retried until it succeeds. It takes size bytes of memory
// until it is done. Enqueue waits while the pipeline is full; it fails only with the
// context.
func (p *Pipeline) Enqueue(ctx context.Context, key string, version uint64, size int64, do func(context.Context) error) error {
	received := time.Now()
	// A job that is larger than the limit runs alone.
	size = min(size, backlogBytes)
	if err := p.room.Acquire(ctx, size); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		p.room.Release(size)
		return ctx.Err()
	}
	work := job{change: p.mark.begin(version, received), key: key, size: size, do: do}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if waiting, busy := p.busy[key]; busy {
		p.busy[key] = append(waiting, work)
		return nil
	}
	p.busy[key] = nil
	p.ready <- work
	return nil
}

// Idle waits until everything that was enqueued is stored. It fails only with the
// context.
func (p *Pipeline) Idle(ctx context.Context) error {
	select {
	case <-p.mark.empty():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait waits until the pipeline has ended with its context. Jobs that are not done by
// then are dropped.
func (p *Pipeline) Wait() { p.ended.Wait() }

// Skip records that there are no changes up to the version.
func (p *Pipeline) Skip(version uint64) { p.mark.finish(p.mark.begin(version, time.Time{})) }

// Reset sets the position, also to a lower version.
func (p *Pipeline) Reset(version uint64) { p.mark.set(version) }

// Position returns the version up to which all is stored, and how many jobs were
// done.
func (p *Pipeline) Position() (version, done uint64) { return p.mark.position() }

// Oldest returns when the first job that is not done yet was enqueued; zero if there
// is none.
func (p *Pipeline) Oldest() time.Time { return p.mark.oldest() }

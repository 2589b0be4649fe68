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
	// concurrency is how many jobs are done at once. Those that wait for the disk
	// together share one fsync, so it is many.
	concurrency = 256
	// backlog is how many jobs may be in the pipeline, and backlogBytes how large
	// they may be together; then Give waits.
	backlog      = 2048
	backlogBytes = 16 << 20

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Pipeline does jobs in order for each key, and at once for many keys. Its methods
// may be called by many at once.
type Pipeline struct {
	mark watermark
	// slots has one element for each job that was given and is not done.
	slots chan struct{}
	// room is what is left of backlogBytes.
	room *semaphore.Weighted
	// ready are jobs whose turn it is. It has room for all slots.
	ready chan job
	ended sync.WaitGroup

	mutex sync.Mutex
	// busy has the keys with a job that is ready or being done, and the jobs that
	// wait for it.
	busy map[string][]job
}

// job is one thing to store. It is tried until it succeeds.
type job struct {
	passage *passage
	key     string
	// size is how many bytes of room it has taken.
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
			if !insist(ctx, job) {
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
	p.mark.leave(job.passage)
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
		klog.FromContext(ctx).Error(err, "Failed to store an event of the host cluster; trying again", "event", job.key, "in", wait)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// Give hands over the job that stores the version of a key, to be done after those
// of its key that were given before, and tried until it succeeds. It keeps size
// bytes in memory until it is done. Give waits while there is too much in the
// pipeline; it fails only with the context.
func (p *Pipeline) Give(ctx context.Context, key string, version uint64, size int64, do func(context.Context) error) error {
	received := time.Now()
	// One that is larger than all the room there is has it for itself.
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
	work := job{passage: p.mark.enter(version, received), key: key, size: size, do: do}
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

// Idle waits until everything that was given is stored. It fails only with the
// context.
func (p *Pipeline) Idle(ctx context.Context) error {
	select {
	case <-p.mark.empty():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait waits until the pipeline has ended with its context. What was not done by
// then is not done.
func (p *Pipeline) Wait() { p.ended.Wait() }

// Skip notes that nothing more comes up to the version.
func (p *Pipeline) Skip(version uint64) { p.mark.leave(p.mark.enter(version, time.Time{})) }

// Reset makes the version the one up to which all is stored, also if it is lower.
func (p *Pipeline) Reset(version uint64) { p.mark.set(version) }

// Position returns the version up to which all is stored, and how many jobs were
// done.
func (p *Pipeline) Position() (version, done uint64) { return p.mark.position() }

// Oldest returns when the first job that is not done yet was given; zero if none.
func (p *Pipeline) Oldest() time.Time { return p.mark.oldest() }

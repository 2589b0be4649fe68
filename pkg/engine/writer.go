// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// maxGroupOps and maxGroupBytes bound what shares one batch, and with it how
	// long rowLock is held.
	maxGroupOps   = 512
	maxGroupBytes = 4 * mib
)

// write is one condition and one new state of a key.
type write struct {
	key, value []byte
	deleted    bool
	expect     Expectation
	deadline   uint64
	indexed    indexValues
	// expire, when set, is the version to remove because it is due, and expiring
	// what it is. If the key holds another one by now nothing happens.
	expire   Revision
	expiring versionRow
}

// request is what the writer does at once for one caller. Only a request of the
// expiry has more than one write.
type request struct {
	writes []write
	done   chan result
	// single is what writes is, in a request of the requestPool.
	single [1]write
}

type result struct {
	revision Revision
	err      error
}

func newRequest() *request { return &request{done: make(chan result, 1)} }

// requestPool has requests of one write that were answered and can be used again.
type requestPool struct{ pool sync.Pool }

// of returns a request of the write.
func (s *requestPool) of(w write) *request {
	r, ok := s.pool.Get().(*request)
	if !ok {
		r = newRequest()
	}
	r.single[0] = w
	r.writes = r.single[:]
	return r
}

// answered takes a request back whose result was received: the writer is done with
// it. One that its caller has left must not come here.
func (s *requestPool) answered(r *request) {
	r.single[0], r.writes = write{}, nil
	s.pool.Put(r)
}

// group is a batch of requests that share one fsync.
type group struct {
	batch    *pebble.Batch
	begun    time.Time
	requests []*request
	results  []result
	changes  []Change
	last     Revision
	counted  counters
	bytes    int
	err      error
}

// write is the only place where revisions are given out. Being one goroutine
// it needs no lock to keep them in the order of the batches.
func (e *Engine) write() {
	defer close(e.applied)
	for {
		g := e.collect()
		if g == nil {
			return
		}
		if err := e.failed(); err != nil {
			g.err = err
		} else if err := e.apply(g); err != nil {
			g.err = e.fail(err)
		}
		e.applied <- g
	}
}

// collect waits for a request and takes what else is there. Background
// requests come one to a group at most, so that they never hold up the others
// for longer than one of them takes.
func (e *Engine) collect() *group {
	g := &group{}
	select {
	case r, open := <-e.requests:
		if !open {
			return nil
		}
		g.add(r)
	case r := <-e.background:
		g.add(r)
	}
	g.begun = time.Now()
	yielded := false
	for len(g.requests) < maxGroupOps && g.bytes < maxGroupBytes {
		select {
		case r, open := <-e.requests:
			if !open {
				return g
			}
			g.add(r)
			continue
		default:
		}
		if yielded {
			break
		}
		// Callers that were just answered may have their next request ready.
		runtime.Gosched()
		yielded = true
	}
	return g
}

func (g *group) add(r *request) {
	g.requests = append(g.requests, r)
	for i := range r.writes {
		g.bytes += len(r.writes[i].key) + len(r.writes[i].value)
	}
}

// apply works the requests into one batch and applies it. Afterwards readers
// of Pebble see it, readers of the engine do not until it is published.
func (e *Engine) apply(g *group) error {
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	b := e.newBuilder()
	for _, r := range g.requests {
		revision, err := b.request(r)
		g.results = append(g.results, result{revision, err})
	}
	if err := b.finish(); err != nil {
		return err
	}
	g.changes, g.last, g.counted = b.changes, b.last, b.counted
	if b.batch.Empty() {
		return b.batch.Close()
	}
	if err := e.db.ApplyNoSyncWait(b.batch, pebble.Sync); err != nil {
		return fmt.Errorf("applying a batch: %w", err)
	}
	// Pebble reports through its logger that it could not write the batch, which
	// then must not be waited for.
	if err := e.failed(); err != nil {
		return err
	}
	g.batch = b.batch
	e.last, e.counted = b.last, b.counted
	return nil
}

// publish makes groups visible in the order in which they were applied, each
// after it has reached the disk, and answers their callers. Refusals wait for
// the disk as well: they depend on writes that came before.
func (e *Engine) publish() {
	for g := range e.applied {
		if g.err == nil && g.batch != nil {
			g.err = e.await(g)
		}
		if g.err == nil {
			// A group behind one that failed was never published, even if it
			// reached the disk.
			g.err = e.failed()
		}
		if g.err != nil {
			g.answer(func(int) result { return result{err: g.err} })
			continue
		}
		if len(g.changes) > 0 {
			e.show(g)
		}
		g.answer(func(i int) result { return g.results[i] })
		if e.config.Listener.Committed != nil && len(g.changes) > 0 {
			e.config.Listener.Committed(len(g.changes), time.Since(g.begun))
		}
	}
}

// await waits for the group's fsync.
func (e *Engine) await(g *group) error {
	if err := g.batch.SyncWait(); err != nil {
		return e.fail(err)
	}
	if err := e.failed(); err != nil {
		return err
	}
	return g.batch.Close()
}

// show publishes. Whoever sees a change in the change buffer can read its revision,
// because that is raised first.
func (e *Engine) show(g *group) {
	e.publishedCounters.Store(&g.counted)
	e.groups.published(g.changes)
	e.published.Store(uint64(g.last))
	e.changes.add(g.changes)
}

func (g *group) answer(result func(i int) result) {
	for i, r := range g.requests {
		r.done <- result(i)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"
)

// publish makes groups visible in the order in which they were applied, each
// after it has reached the disk, and answers their callers. Refusals wait for
// the disk as well: they tell of writes that came before.
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// existing is the size of the backlog, whose memory is compared with that of twice as
	// many. It fills the store's caches: two memtables and the change buffer hold some
	// 96,000 new events. So the difference is what grows with the backlog.
	existing      = 100_000
	twiceExisting = 2 * existing
	ingestRate    = 1000
	ingestFor     = 30 * time.Second
)

// ingest measures how soon the server has ingested the host's events, at its start and later.
func (s *session) ingest(ctx context.Context) (err error) {
	h, err := s.startHost(ctx, "sync")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.end(ctx)) }()
	once, err := h.ingestBacklog(ctx, 0, existing)
	if err != nil {
		return err
	}
	twice, err := h.ingestBacklog(ctx, existing, twiceExisting)
	if err != nil {
		return err
	}
	const most = 10 * time.Second
	s.report.add(row{
		work:     fmt.Sprintf("ingest %d events of the host, from the start of the server (ready after %s)", existing, seconds(once.ready)),
		embedded: seconds(once.took), reach: "10 s", reached: once.took <= most,
	})
	const more = 64e6
	s.report.add(row{
		work:     fmt.Sprintf("peak memory of the server when it has ingested %d; %s with %d", twiceExisting, megabytes(once.memory.Peak), existing),
		embedded: megabytes(twice.memory.Peak), reach: "64 MB more", reached: twice.memory.Peak-once.memory.Peak <= more,
	})
	return s.follow(ctx, h)
}

type ingestion struct {
	ready, took time.Duration
	memory      memory
}

// ingestBacklog creates events in the host while the server is stopped, and then starts the
// server without data.
func (h *host) ingestBacklog(ctx context.Context, has, want int) (ingestion, error) {
	var r ingestion
	if err := h.forget(ctx); err != nil {
		return r, err
	}
	if err := h.loadHost(ctx, has, want-has, 0, nil); err != nil {
		return r, err
	}
	begun := time.Now()
	if err := h.server.Start(ctx); err != nil {
		return r, err
	}
	r.ready = time.Since(begun)
	if err := h.waitIngested(ctx, want); err != nil {
		return r, err
	}
	r.took = time.Since(begun)
	var err error
	if r.memory, err = memoryOf(h.server.PID()); err != nil {
		return r, err
	}
	held, err := h.held(ctx)
	if err == nil && held != want {
		err = fmt.Errorf("the server has %d events, want %d", held, want)
	}
	return r, err
}

// follow measures the lag of the server behind a host with a steady rate of events.
func (s *session) follow(ctx context.Context, h *host) error {
	total := int(ingestFor.Seconds()) * ingestRate
	f := &ingestFollower{first: twiceExisting, answered: make([]time.Time, total), seen: make([]time.Time, total)}
	w, err := h.watchFromNow(ctx)
	if err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		for event := range w.ResultChan() {
			if object, ok := event.Object.(metav1.Object); ok {
				f.see(object.GetName())
			}
		}
	})
	begun := time.Now()
	err = h.loadHost(ctx, f.first, total, ingestRate, f.answer)
	rate := float64(total) / time.Since(begun).Seconds()
	if err == nil {
		err = h.waitIngested(ctx, f.first+total)
	}
	w.Stop()
	watching.Wait()
	if err != nil {
		return err
	}
	lags, missing := f.lags()
	if missing > 0 {
		return fmt.Errorf("the watch did not show %d of %d events", missing, total)
	}
	p50, p99 := percentile(lags, 50), percentile(lags, 99)
	s.report.add(row{
		work:     fmt.Sprintf("from the host's answer to a watcher's delivery, at %.0f host events/s for %s: p50 %s, p99", rate, ingestFor, millis(p50)),
		embedded: millis(p99), reach: "1 s at 1,000/s", reached: p99 < time.Second && rate >= 0.98*ingestRate,
	})
	return nil
}

// watchFromNow watches the server from the current version. A watch without a version would
// begin with all stored events and delay the new ones.
func (h *host) watchFromNow(ctx context.Context) (watch.Interface, error) {
	newest, err := h.direct.EventsV1().Events(hostNamespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("asking the server for its version: %w", err)
	}
	w, err := h.direct.EventsV1().Events(hostNamespace).Watch(ctx, metav1.ListOptions{ResourceVersion: newest.ResourceVersion})
	if err != nil {
		return nil, fmt.Errorf("watching the server: %w", err)
	}
	return w, nil
}

// ingestFollower records for each event when the host responded and when a watcher of the
// server received it.
type ingestFollower struct {
	// first is the number of the first event.
	first int

	mu             sync.Mutex
	answered, seen []time.Time
}

func (f *ingestFollower) answer(i int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answered[i-f.first] = now
}

func (f *ingestFollower) see(name string) {
	now := time.Now()
	i, err := numberOf(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && i >= f.first && i-f.first < len(f.seen) && f.seen[i-f.first].IsZero() {
		f.seen[i-f.first] = now
	}
}

// Missing returns the number of events that were never received.
func (f *ingestFollower) lags() (lags []time.Duration, missing int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.seen {
		if f.seen[i].IsZero() {
			missing++
			continue
		}
		// A watcher may have it before the host's answer has arrived.
		lags = append(lags, max(f.seen[i].Sub(f.answered[i]), 0))
	}
	return lags, missing
}

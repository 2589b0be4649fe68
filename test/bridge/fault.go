// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// journal is what writers were told, kept outside of both servers. Each event has
// one writer, so that what was told last must be so at the end.
type journal struct {
	mu      sync.Mutex
	entries map[string]*entry
	acked   map[string]int
}

// entry is one event: the counts of its series that it may have; absent is 0.
type entry struct {
	may []int
	// sure tells that the last write was answered.
	sure bool
}

// testFaults ends and restarts kube-apiserver and events-apiserver in turn, in
// order and by force, while writers go on through both APIs.
func testFaults(t *testing.T, h *Host, seed uint64) {
	s := h.newNamespace(t, "faults")
	book := &journal{entries: map[string]*entry{}, acked: map[string]int{}}
	writers := []writer{
		{"host", h.client, coreAPI()},
		{"aggregator", h.client, eventsAPI()},
		// This one goes on while kube-apiserver is away.
		{"direct", h.direct(t), eventsAPI()},
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing sync.WaitGroup
	for i, w := range writers {
		random := randomizer{rand.New(rand.NewPCG(seed, uint64(i)))}
		writing.Go(func() { book.write(ctx, w, s.namespace, random) })
	}
	if err := disturb(t, h, book, seed); err != nil {
		t.Error(err)
	}
	stop()
	writing.Wait()
	t.Logf("acknowledged: %v", book.acked)
	if t.Failed() {
		return
	}
	book.check(t, s)
}

// disturb takes each component away once in order and once by force, in a
// made-up order, and waits for writes to be acknowledged before, between and after.
func disturb(t *testing.T, h *Host, book *journal, seed uint64) error {
	t.Helper()
	type disturbance struct {
		component string
		force     bool
	}
	all := []disturbance{
		{cluster.KubeAPIServer, false}, {cluster.KubeAPIServer, true},
		{cluster.EventsAPIServer, false}, {cluster.EventsAPIServer, true},
	}
	random := rand.New(rand.NewPCG(seed, 1))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, d := range all {
		if err := book.progress(t.Context(), "host", "aggregator", "direct"); err != nil {
			return err
		}
		t.Logf("taking %s away, by force: %v", d.component, d.force)
		component, err := h.Component(d.component)
		if err != nil {
			return err
		}
		end, remaining := component.Stop, "direct"
		if d.force {
			end = component.Kill
		}
		if d.component == cluster.EventsAPIServer {
			remaining = "host"
		}
		if err := end(t.Context()); err != nil {
			return err
		}
		if err := book.progress(t.Context(), remaining); err != nil {
			return fmt.Errorf("while %s is away: %w", d.component, err)
		}
		if err := component.Start(t.Context()); err != nil {
			return err
		}
		if err := h.WaitRegistered(t.Context()); err != nil {
			return err
		}
	}
	return book.progress(t.Context(), "host", "aggregator", "direct")
}

// progress waits for some more acknowledged writes of each.
func (b *journal) progress(ctx context.Context, writers ...string) error {
	const more = 15
	b.mu.Lock()
	want := map[string]int{}
	for _, w := range writers {
		want[w] = b.acked[w] + more
	}
	b.mu.Unlock()
	return clustertest.Await(ctx, "acknowledged writes", func(context.Context) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, w := range writers {
			if b.acked[w] < want[w] {
				return fmt.Errorf("through %s there are %d, want %d", w, b.acked[w], want[w])
			}
		}
		return nil
	})
}

// write makes events and changes and deletes some of them, until ctx ends. It is
// no faster than a cluster is, so that the end can be compared soon.
func (b *journal) write(ctx context.Context, w writer, namespace string, random randomizer) {
	const pause = 20 * time.Millisecond
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("%s-%d", w.name, n)
		event := body(w.api, modern(name, namespace, series(2)))
		if !b.try(ctx, w, name, 2, http.MethodPost, w.api.path(namespace, ""), "", event) {
			waitFor(ctx, 5*pause)
			continue
		}
		path := w.api.path(namespace, name)
		const kinds = 4
		switch random.IntN(kinds) {
		case 0:
			b.try(ctx, w, name, 0, http.MethodDelete, path, "", nil)
		case 1:
			if b.try(ctx, w, name, 3, http.MethodPatch, path, mergePatch, w.api.form(series(3))) {
				b.try(ctx, w, name, 0, http.MethodDelete, path, "", nil)
			}
		case 2:
			b.try(ctx, w, name, 4, http.MethodPut, path, "", body(w.api, modern(name, namespace, series(4))))
		}
		waitFor(ctx, pause)
	}
}

// try writes and notes what came of it. An error, or a server that says that it
// failed, leaves open whether it was done.
func (b *journal) try(ctx context.Context, w writer, name string, becomes int, method, path, contentType string, content any) bool {
	// A request that was begun is ended, so that its answer can be noted.
	const bound = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	got, err := w.client.ask(ctx, method, path, nil, contentType, content)
	done := err == nil && got.code < http.StatusBadRequest
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[name]
	if e == nil {
		e = &entry{may: []int{0}}
		b.entries[name] = e
	}
	if e.sure = done; !done {
		e.may = append(e.may, becomes)
		return false
	}
	e.may = []int{becomes}
	b.acked[w.name]++
	return true
}

// check compares both views with what writers were told.
func (b *journal) check(t *testing.T, s *side) {
	t.Helper()
	clustertest.Eventually(t, "both views as the writers were told", func(ctx context.Context) error {
		got, err := s.lists(ctx)
		if err != nil {
			return err
		}
		return errors.Join(b.compare("core/v1", got.core), b.compare("events.k8s.io/v1", got.events))
	})
	got := s.agree(t, otherContent)
	t.Logf("%d events at the end", len(got.core))
	if err := errors.Join(b.compare("core/v1", got.core), b.compare("events.k8s.io/v1", got.events)); err != nil {
		t.Error(err)
	}
}

func (b *journal) compare(view string, items []tree) error {
	counts := map[string]int{}
	for _, item := range items {
		counted, _ := item["series"].(tree)
		number, _ := counted["count"].(float64)
		counts[nameOf(item)] = int(number)
	}
	wrong, first := 0, ""
	for name, e := range b.entries {
		if !slices.Contains(e.may, counts[name]) {
			wrong++
			first = fmt.Sprintf("%s has a count of %d, and may have %v (0 is absent; sure: %v)", name, counts[name], e.may, e.sure)
		}
		delete(counts, name)
	}
	for name := range counts {
		wrong++
		first = name + " was never written"
	}
	if wrong > 0 {
		return fmt.Errorf("%s: %d are wrong, one of them: %s", view, wrong, first)
	}
	return nil
}

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
	"sync"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// writer is one way to write events.
type writer struct {
	name   string
	client *client
	api    api
}

// testRaces lets writers through both APIs, and through a second replica where
// the store allows one, meet on the same events. Whoever wins, at the end there
// is one set of events.
func testRaces(t *testing.T, h *Host, seed uint64) {
	writers := []writer{
		{"the host", h.client, coreAPI()},
		{"the aggregator", h.client, eventsAPI()},
	}
	if h.Config().Store == cluster.StoreEtcd {
		writers = append(writers, writer{"the second replica", h.startReplica(t), eventsAPI()})
	}
	for _, way := range []struct {
		name  string
		fault fault
	}{
		{"undisturbed", fault{}},
		// The host's watch tells of a write long before the host's answer to it.
		{"late answers", fault{hits: eventWrites(http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete), delay: 150 * time.Millisecond}},
	} {
		t.Run(way.name, func(t *testing.T) {
			defer h.proxy.set(fault{})
			r := races{h: h, writers: writers, seed: seed, fault: way.fault}
			t.Run("one creation wins", r.oneWins)
			t.Run("no change is lost", r.countUp)
			t.Run("changed in the host a moment ago", r.momentAgo)
			t.Run("anything goes", r.anything)
		})
	}
}

type races struct {
	h       *Host
	writers []writer
	seed    uint64
	fault   fault
}

// begin makes a namespace and lets the fault happen until both views agree.
func (r races) begin(t *testing.T, kind string) *side {
	t.Helper()
	if r.late() {
		kind += "-late"
	}
	made := r.h.newNamespace(t, "race-"+kind)
	r.h.proxy.set(r.fault)
	return made
}

func (r races) late() bool { return r.fault.delay > 0 }

// agree checks that the views agree, now and when all echoes have come, and that
// each way to read shows the same.
func (r races) agree(t *testing.T, s *side) lists {
	t.Helper()
	r.h.proxy.set(fault{})
	s.agree(t, disagreement)
	r.h.passed(t, s.namespace+"-passed")
	got, err := s.lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found := disagreement(got); found != "" {
		t.Errorf("the views agreed for a moment only: %s", found)
	}
	for _, w := range r.writers {
		items, _, err := w.client.list(t.Context(), w.api, s.namespace, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := lists{core: got.core, events: items}
		if w.api == coreAPI() {
			seen = lists{core: items, events: got.events}
		}
		if found := disagreement(seen); found != "" {
			t.Errorf("through %s: %s", w.name, found)
		}
	}
	return got
}

// oneWins creates events of one name through all at once.
func (r races) oneWins(t *testing.T) {
	const rounds = 12
	s := r.begin(t, "create")
	for round := range rounds {
		codes := make([]int, len(r.writers))
		err := r.atOnce(func(i int, w writer) error {
			event := modern(fmt.Sprintf("e-%d", round), s.namespace, tree{"note": w.name})
			got, err := w.client.ask(t.Context(), http.MethodPost, w.api.path(s.namespace, ""), nil, "", body(w.api, event))
			codes[i] = got.code
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wins := 0
		for _, code := range codes {
			if code == http.StatusCreated {
				wins++
			} else if code != http.StatusConflict {
				t.Errorf("round %d: the answers are %v", round, codes)
			}
		}
		if wins != 1 {
			t.Errorf("round %d: the answers are %v, want one %d", round, codes, http.StatusCreated)
		}
	}
	if got := r.agree(t, s); len(got.core) != rounds {
		t.Errorf("there are %d events, want %d", len(got.core), rounds)
	}
}

// momentAgo writes through events.k8s.io/v1 what was written through core/v1 just
// before, and may not have come by the watch: a name is taken, or free again.
func (r races) momentAgo(t *testing.T) {
	const rounds = 5
	s := r.begin(t, "moment")
	core, events := coreAPI(), eventsAPI()
	for range rounds {
		mustWrite(t, s, http.MethodPost, core, "", s.event(core, "a"))
		for _, query := range []string{"dryRun=All", ""} {
			got, err := s.client.ask(t.Context(), http.MethodPost, events.path(s.namespace, "")+"?"+query, nil, "", s.event(events, "a"))
			if err != nil {
				t.Fatal(err)
			}
			if got.code != http.StatusConflict {
				t.Errorf("a taken name, %q: the answer is %d, want %d", query, got.code, http.StatusConflict)
			}
		}
		mustWrite(t, s, http.MethodDelete, core, "a", nil)
		mustWrite(t, s, http.MethodPost, events, "", s.event(events, "a"))
		if _, err := s.client.must(t.Context(), http.MethodGet, core.path(s.namespace, "a"), "", nil); err != nil {
			t.Errorf("made again, and not in core/v1 when that was answered: %v", err)
		}
		mustWrite(t, s, http.MethodDelete, core, "a", nil)
	}
	if got := r.agree(t, s); len(got.core) != 0 {
		t.Errorf("there are %d events, want none", len(got.core))
	}
}

// atOnce runs f for all writers at the same time.
func (r races) atOnce(f func(i int, w writer) error) error {
	errs := make([]error, len(r.writers))
	var running sync.WaitGroup
	start := make(chan struct{})
	for i, w := range r.writers {
		running.Go(func() {
			<-start
			errs[i] = f(i, w)
		})
	}
	close(start)
	running.Wait()
	return errors.Join(errs...)
}

// countUp lets all count one event's series up, each reading it, changing it and
// writing it under the version that it has read. Each success counts.
func (r races) countUp(t *testing.T) {
	const each = 8
	s := r.begin(t, "count")
	event := modern("counter", s.namespace, series(1+1))
	if _, err := r.h.client.must(t.Context(), http.MethodPost, eventsAPI().path(s.namespace, ""), "", body(eventsAPI(), event)); err != nil {
		t.Fatal(err)
	}
	err := r.atOnce(func(_ int, w writer) error {
		for n := range each {
			// What is answered with a failure may have been done, and is not tried again.
			var failure error
			err := clustertest.Await(t.Context(), "a change that does not conflict", func(ctx context.Context) error {
				var conflict error
				conflict, failure = countOne(ctx, w, s.namespace)
				return conflict
			})
			if err := errors.Join(err, failure); err != nil {
				return fmt.Errorf("through %s, after %d changes: %w", w.name, n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := r.agree(t, s)
	if len(got.core) != 1 {
		t.Fatalf("there are %d events", len(got.core))
	}
	counted, _ := got.core[0]["series"].(tree)
	if want := float64(2 + each*len(r.writers)); counted["count"] != want {
		t.Errorf("counted to %v, want %v", counted["count"], want)
	}
}

// countOne changes the event as it has read it. A conflict is what is answered if
// another was faster, and must be tried again.
func countOne(ctx context.Context, w writer, namespace string) (conflict, err error) {
	path := w.api.path(namespace, "counter")
	event, err := w.client.must(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	counted, _ := event["series"].(tree)
	now, ok := counted["count"].(float64)
	if !ok {
		return nil, fmt.Errorf("it has no count: %s", show(event))
	}
	counted["count"] = now + 1
	got, err := w.client.ask(ctx, http.MethodPut, path, nil, "", event)
	switch {
	case err != nil:
		return nil, err
	case got.code == http.StatusConflict:
		return fmt.Errorf("%v", got.body["message"]), nil
	case got.code >= http.StatusBadRequest:
		return nil, fmt.Errorf("PUT %s: %d %v", path, got.code, got.body["message"])
	}
	return nil, nil
}

// anything lets all create, change and delete a few events, over and over.
func (r races) anything(t *testing.T) {
	steps := 150
	if r.late() {
		steps = 15
	}
	s := r.begin(t, "anything")
	err := r.atOnce(func(i int, w writer) error {
		random := randomizer{rand.New(rand.NewPCG(r.seed, uint64(i)))} //nolint:gosec // a small number
		for n := range steps {
			if err := raceStep(t.Context(), random, w, s.namespace, fmt.Sprintf("%s %d", w.name, n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.agree(t, s)
}

// raceStep writes once. That another was faster is in order; a server that fails
// is not.
func raceStep(ctx context.Context, r randomizer, w writer, namespace, note string) error {
	name := r.pick("a", "b", "c", "d")
	event := modern(name, namespace, tree{"note": note})
	const kinds = 4
	method, path, contentType, content := http.MethodPost, w.api.path(namespace, ""), "", body(w.api, event)
	switch r.IntN(kinds) {
	case 1:
		method, path = http.MethodPut, w.api.path(namespace, name)
	case 2:
		method, path, contentType = http.MethodPatch, w.api.path(namespace, name), mergePatch
		content = w.api.form(series(2 + r.IntN(1000)))
	case 3:
		method, path, content = http.MethodDelete, w.api.path(namespace, name), nil
	}
	got, err := w.client.ask(ctx, method, path, nil, contentType, content)
	if err == nil && got.code >= http.StatusInternalServerError {
		err = fmt.Errorf("%s %s through %s: %d %v", method, path, w.name, got.code, got.body["message"])
	}
	return err
}

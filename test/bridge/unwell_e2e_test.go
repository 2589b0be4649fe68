// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// allWrites are all that change an event at the host.
func allWrites() func(*http.Request) bool {
	return eventWrites(http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete)
}

// testHostUnwell writes through events.k8s.io/v1 while the host does not take it,
// and sees both views agree when it does again.
func testHostUnwell(t *testing.T, h *host) {
	for _, way := range []struct {
		name    string
		fault   fault
		restart bool
	}{
		{"refusing", fault{hits: allWrites(), code: http.StatusServiceUnavailable}, false},
		{"overloaded", fault{hits: allWrites(), code: http.StatusTooManyRequests}, false},
		{"hanging", fault{hits: allWrites(), hang: true}, false},
		{"answers-lost", fault{hits: allWrites(), lose: true}, false},
		{"restart", fault{hits: allWrites(), code: http.StatusServiceUnavailable}, true},
	} {
		t.Run(way.name, func(t *testing.T) {
			defer h.proxy.set(fault{})
			s := h.newNamespace(t, "unwell-"+way.name)
			prepareUnwell(t, s)
			h.proxy.set(way.fault)
			writeUnwell(t, s)
			if way.restart {
				restart(t, h)
			}
			// The host goes on by itself meanwhile.
			mustWrite(t, s, http.MethodPatch, coreAPI(), "other", coreAPI().form(series(9)))
			h.proxy.set(fault{})
			checkHealed(t, h, s)
		})
	}
}

func mustWrite(t *testing.T, s *side, method string, a api, name string, content any) time.Duration {
	t.Helper()
	contentType := ""
	if method == http.MethodPatch {
		contentType = mergePatch
	}
	begin := time.Now()
	if _, err := s.client.must(t.Context(), method, a.path(s.namespace, name), contentType, content); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}

func (s *side) event(a api, name string, changes ...tree) any {
	return body(a, modern(name, s.namespace, changes...))
}

func prepareUnwell(t *testing.T, s *side) {
	t.Helper()
	for _, name := range []string{"changed", "deleted", "again", "other"} {
		mustWrite(t, s, http.MethodPost, eventsAPI(), "", s.event(eventsAPI(), name))
	}
	s.agree(t, disagreement)
}

func writeUnwell(t *testing.T, s *side) {
	t.Helper()
	a := eventsAPI()
	// The bound of the mirror is 2 s; the rest is for a busy machine.
	const bound = 8 * time.Second
	for _, w := range []struct {
		method, name string
		content      any
	}{
		{http.MethodPost, "", s.event(a, "new")},
		{http.MethodPatch, "new", series(4)},
		{http.MethodPatch, "changed", series(5)},
		{http.MethodPut, "changed", s.event(a, "changed", series(6))},
		{http.MethodDelete, "deleted", nil},
		{http.MethodDelete, "again", nil},
		{http.MethodPost, "", s.event(a, "again", series(7))},
		{http.MethodPost, "", s.event(a, "short")},
		{http.MethodDelete, "short", nil},
	} {
		if took := mustWrite(t, s, w.method, a, w.name, w.content); took > bound {
			t.Errorf("%s %s took %s", w.method, w.name, took)
		}
	}
}

func checkHealed(t *testing.T, h *host, s *side) {
	t.Helper()
	want := map[string]float64{"new": 4, "changed": 6, "again": 7, "other": 9}
	eventually(t, "what was written while the host was unwell", func(ctx context.Context) error {
		for _, a := range []api{coreAPI(), eventsAPI()} {
			items, _, err := s.client.list(ctx, a, s.namespace, nil)
			if err != nil {
				return err
			}
			if len(items) != len(want) {
				return fmt.Errorf("%s has %d events, want %d: %s", a.name, len(items), len(want), show(items))
			}
			for _, item := range items {
				counted, _ := item["series"].(tree)
				if counted["count"] != want[nameOf(item)] {
					return fmt.Errorf("%s has %s with the series %v, want a count of %v", a.name, nameOf(item), counted, want[nameOf(item)])
				}
			}
		}
		return nil
	})
	s.agree(t, otherContent)
	h.passed(t, s.namespace+"-passed")
	got, err := s.lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found := otherContent(got); found != "" {
		t.Errorf("the views agreed for a moment only: %s", found)
	}
}

func restart(t *testing.T, h *host) {
	t.Helper()
	server, err := h.Component(cluster.EventsAPIServer)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
}

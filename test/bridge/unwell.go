// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// allWrites are all that change an event at the host.
func allWrites() func(*http.Request) bool {
	return eventWrites(http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete)
}

// testHostUnwell writes through events.k8s.io/v1 while the host does not take it,
// and sees both views agree when it does again.
func testHostUnwell(t *testing.T, h *Host) {
	server, host := h.Program(t, cluster.EventsAPIServer), h.Program(t, cluster.KubeAPIServer)
	for _, way := range []struct {
		name  string
		fault fault
		// away is killed before the writes, killed after them; both start again then.
		away, killed *cluster.Component
	}{
		{name: "refusing", fault: fault{hits: allWrites(), code: http.StatusServiceUnavailable}},
		{name: "overloaded", fault: fault{hits: allWrites(), code: http.StatusTooManyRequests}},
		{name: "hanging", fault: fault{hits: allWrites(), hang: true}},
		{name: "answers-lost", fault: fault{hits: allWrites(), lose: true}},
		{name: "restart", fault: fault{hits: allWrites(), code: http.StatusServiceUnavailable}, killed: server},
		{name: "away", away: host, killed: server},
	} {
		t.Run(way.name, func(t *testing.T) {
			defer h.proxy.set(fault{})
			s := h.newNamespace(t, "unwell-"+way.name)
			prepareUnwell(t, s)
			h.proxy.set(way.fault)
			writers := s
			if way.away != nil {
				kill(t, way.away)
				writers = &side{client: h.direct(t), namespace: s.namespace}
			}
			writeUnwell(t, writers)
			if way.killed != nil {
				kill(t, way.killed)
			}
			h.startAgain(t, slices.DeleteFunc([]*cluster.Component{way.away, way.killed}, func(c *cluster.Component) bool { return c == nil })...)
			// What somebody writes in the host meanwhile.
			mustWrite(t, s, http.MethodPatch, coreAPI(), "other", coreAPI().form(series(9)))
			h.proxy.set(fault{})
			checkHealed(t, h, s)
		})
	}
}

func kill(t *testing.T, component *cluster.Component) {
	t.Helper()
	if err := component.Kill(t.Context()); err != nil {
		t.Fatal(err)
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
	// A write that waits for the host ends with the time of the request, a minute.
	const bound = 30 * time.Second
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

func checkHealed(t *testing.T, h *Host, s *side) {
	t.Helper()
	want := map[string]float64{"new": 4, "changed": 6, "again": 7, "other": 9}
	clustertest.Eventually(t, "what was written while the host was unwell", func(ctx context.Context) error {
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

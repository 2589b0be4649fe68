// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// testRestart writes through core/v1 while events-apiserver is stopped. It goes on
// where it was: what changed meanwhile is seen, and nothing else is stored again.
func testRestart(t *testing.T, h *Host) {
	const n = 20
	s := h.newNamespace(t, "restart")
	write := func(method, name string, content any) { mustWrite(t, s, method, coreAPI(), name, content) }
	for i := range n {
		write(http.MethodPost, "", s.event(coreAPI(), fmt.Sprintf("before-%d", i)))
	}
	s.agree(t, disagreement)
	before := s.versions(t)
	server := h.Program(t, cluster.EventsAPIServer)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		write(http.MethodPost, "", s.event(coreAPI(), fmt.Sprintf("meanwhile-%d", i)))
	}
	write(http.MethodDelete, "before-3", nil)
	write(http.MethodPatch, "before-4", coreAPI().form(series(9)))
	h.startAgain(t, server)
	if got := s.agree(t, disagreement); len(got.core) != 2*n-1 {
		t.Errorf("there are %d events, want %d", len(got.core), 2*n-1)
	}
	after := s.versions(t)
	for _, all := range []map[string]string{before, after} {
		maps.DeleteFunc(all, func(name, _ string) bool { return name == "before-3" || name == "before-4" })
	}
	for name, version := range before {
		if after[name] != version {
			t.Errorf("%s was stored again: version %s, now %s", name, version, after[name])
		}
	}
}

// versions are the resource versions of the events in events.k8s.io/v1.
func (s *side) versions(t *testing.T) map[string]string {
	t.Helper()
	items, _, err := s.client.list(t.Context(), eventsAPI(), s.namespace, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, item := range items {
		versions[nameOf(item)] = versionOf(item)
	}
	return versions
}

// startAgain starts components that were ended, in the order given.
func (h *Host) startAgain(t *testing.T, components ...*cluster.Component) {
	t.Helper()
	for _, component := range components {
		if err := component.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// testEchoes counts: a write through one API is one change in both views, at the
// cost of one request to the host, and none comes later when the host's watch
// tells of it.
func testEchoes(t *testing.T, h *Host) {
	const n = 60
	for _, a := range []api{eventsAPI(), coreAPI()} {
		t.Run(a.groupVersion[:1], func(t *testing.T) {
			namespace := "echo-" + a.groupVersion[:1]
			s := h.newNamespace(t, namespace)
			last, err := writeAll(t.Context(), s, a, n)
			if err != nil {
				t.Fatal(err)
			}
			h.passed(t, namespace+"-passed")
			countChanges(t, s, n)
			if a == eventsAPI() {
				checkVersions(t, s, last)
			}
			if a == eventsAPI() && h.proxy != nil {
				checkCost(t, h.proxy.requests(namespace), n)
			}
			if found := s.agree(t, disagreement); len(found.core) != n/2 {
				t.Errorf("%d events are left, want %d", len(found.core), n/2)
			}
		})
	}
}

// writeAll creates n events, changes each once and deletes every other. It
// returns the versions of those that are left.
func writeAll(ctx context.Context, s *side, a api, n int) (map[string]string, error) {
	versions := make([]string, n)
	name := func(i int) string { return fmt.Sprintf("e-%d", i) }
	err := errors.Join(
		inParallel(n, func(i int) error {
			_, err := s.client.must(ctx, http.MethodPost, a.path(s.namespace, ""), "", body(a, modern(name(i), s.namespace)))
			return err
		}),
		inParallel(n, func(i int) error {
			changed, err := s.client.must(ctx, http.MethodPatch, a.path(s.namespace, name(i)), mergePatch, a.form(series(2)))
			versions[i] = versionOf(changed)
			return err
		}),
		inParallel(n/2, func(i int) error {
			_, err := s.client.must(ctx, http.MethodDelete, a.path(s.namespace, name(2*i)), "", nil)
			return err
		}),
	)
	last := map[string]string{}
	for i := 1; i < n; i += 2 {
		last[name(i)] = versions[i]
	}
	return last, err
}

func countChanges(t *testing.T, s *side, n int) {
	t.Helper()
	want := map[string]int{"ADDED": n, "MODIFIED": n, "DELETED": n / 2}
	for a, w := range s.watches {
		clustertest.Eventually(t, "the last deletion", func(context.Context) error {
			changes, err := w.seen()
			if got := count(changes); err == nil && got["DELETED"] < want["DELETED"] {
				err = fmt.Errorf("seen through %s: %v", a.name, got)
			}
			return err
		})
		changes, err := w.seen()
		if err != nil {
			t.Error(err)
		}
		if got := count(changes); !maps.Equal(got, want) {
			t.Errorf("the watch through %s showed %v, want %v", a.name, got, want)
		}
	}
}

func count(changes []change) map[string]int {
	counts := map[string]int{}
	for _, each := range changes {
		counts[each.Type]++
	}
	return counts
}

// checkVersions finds writes that no watch has shown.
func checkVersions(t *testing.T, s *side, want map[string]string) {
	t.Helper()
	got := s.versions(t)
	if !maps.Equal(got, want) {
		t.Errorf("the versions now are\n%v\nand those that the writers were told\n%v", got, want)
	}
}

// checkCost allows one request to the host for each write.
func checkCost(t *testing.T, got map[string]int, n int) {
	t.Helper()
	changes := got[http.MethodPut] + got[http.MethodPatch]
	if got[http.MethodPost] != n || changes != n || got[http.MethodDelete] != n/2 || got[http.MethodGet] != 0 {
		t.Errorf("%d creates, %d changes and %d deletions cost the host the requests %v", n, n, n/2, got)
	}
}

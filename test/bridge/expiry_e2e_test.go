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

// TestExpiry runs on a host that forgets its events soon: what it forgot stays in
// ours, and what somebody deleted goes, whether we were there to see it or not. Of
// an event that is gone when it could have ended anyway, nobody can tell.
func TestExpiry(t *testing.T) {
	t.Parallel()
	for _, store := range []string{cluster.StoreEtcd, cluster.StoreEmbedded} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			h, err := startHost(t, store, map[string][]string{
				cluster.KubeAPIServer:   {"--event-ttl=" + hostTTL.String()},
				cluster.EventsAPIServer: {"--host-events-ttl=" + hostTTL.String()},
			})
			if err != nil {
				t.Fatal(err)
			}
			testExpiry(t, h)
		})
	}
}

// hostTTL is long enough that a deletion by somebody is an early one on a busy
// machine.
const hostTTL = 30 * time.Second

func testExpiry(t *testing.T, h *Host) {
	t.Helper()
	server := h.Program(t, cluster.EventsAPIServer)
	s := h.newNamespace(t, "expiry")
	core, ours := coreAPI(), eventsAPI()
	away := func(meanwhile func()) {
		if err := server.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		meanwhile()
		h.startAgain(t, server)
	}
	write := func(a api, name string) { mustWrite(t, s, http.MethodPost, a, "", s.event(a, name)) }

	// Seen while we run.
	write(core, "expires-core")
	write(ours, "expires-ours")
	write(core, "deleted-core")
	write(ours, "deleted-ours")
	s.agree(t, disagreement)
	mustWrite(t, s, http.MethodDelete, core, "deleted-core", nil)
	mustWrite(t, s, http.MethodDelete, core, "deleted-ours", nil)
	s.agree(t, disagreement)

	// Deleted while we do not run, and young still when we do again.
	write(core, "deleted-meanwhile")
	s.agree(t, disagreement)
	away(func() { mustWrite(t, s, http.MethodDelete, core, "deleted-meanwhile", nil) })
	checkKept(t, s, "expires-core", "expires-ours")

	// Forgotten while we do not run.
	write(core, "expires-meanwhile")
	s.agree(t, disagreement)
	away(func() { awaitForgotten(t, s, "expires-core", "expires-ours", "expires-meanwhile") })

	// Forgotten while we run.
	write(core, "expires-later")
	write(ours, "expires-later-ours")
	awaitForgotten(t, s, "expires-later", "expires-later-ours")
	h.passed(t, "expiry-passed")
	checkKept(t, s, "expires-core", "expires-later", "expires-later-ours", "expires-meanwhile", "expires-ours")

	checkIdentities(t, s)

	// What is kept can still be deleted here.
	mustWrite(t, s, http.MethodDelete, ours, "expires-core", nil)
	checkKept(t, s, "expires-later", "expires-later-ours", "expires-meanwhile", "expires-ours")
}

// awaitForgotten waits until the host has let the events go by itself. etcd looks
// for what has ended now and then, and leases last up to a twentieth longer.
func awaitForgotten(t *testing.T, s *side, names ...string) {
	t.Helper()
	clustertest.Eventually(t, "the host to forget", func(ctx context.Context) error {
		items, _, err := s.client.list(ctx, coreAPI(), s.namespace, nil)
		if err != nil {
			return err
		}
		for _, item := range items {
			if slices.Contains(names, nameOf(item)) {
				return fmt.Errorf("it still has %s", nameOf(item))
			}
		}
		return nil
	})
}

func checkKept(t *testing.T, s *side, want ...string) {
	t.Helper()
	clustertest.Eventually(t, "what is kept", func(ctx context.Context) error {
		items, _, err := s.client.list(ctx, eventsAPI(), s.namespace, nil)
		if err != nil {
			return err
		}
		var got []string
		for _, item := range newNormal().list(items, true) {
			got = append(got, nameOf(item))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("there are %v, want %v", got, want)
		}
		return nil
	})
}

// checkIdentities writes events that the host has let expire. One that happens again
// keeps its uid here, whatever the host makes of it; one that is labelled stays here
// alone; one that is created or applied again is another event.
func checkIdentities(t *testing.T, s *side) {
	t.Helper()
	ours := eventsAPI()
	uid := func(a api, name string) string {
		got, err := s.client.ask(t.Context(), http.MethodGet, a.path(s.namespace, name), nil, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		meta, _ := got.body["metadata"].(tree)
		text, _ := meta["uid"].(string)
		return text
	}
	const again, labelled, created, applied = "expires-ours", "expires-core", "expires-later-ours", "expires-later"
	before := map[string]string{}
	for _, name := range []string{again, labelled, created, applied} {
		before[name] = uid(ours, name)
	}
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	happened := func(count int) tree {
		return tree{"metadata": tree{"uid": before[again]}, "series": tree{"count": count, "lastObservedTime": now}}
	}
	// The second one, with the uid that the client has seen, is not refused.
	mustWrite(t, s, http.MethodPatch, ours, again, happened(2))
	mustWrite(t, s, http.MethodPatch, ours, again, happened(3))
	mustWrite(t, s, http.MethodPatch, ours, labelled, tree{"metadata": tree{"labels": tree{"seen": "yes"}}})
	mustWrite(t, s, http.MethodPost, ours, "", s.event(ours, created))
	path := ours.path(s.namespace, applied) + "?fieldManager=test"
	if _, err := s.client.must(t.Context(), http.MethodPatch, path, applyPatch, s.event(ours, applied, tree{"note": "another one"})); err != nil {
		t.Error(err)
	}
	for name, inHost := range map[string]bool{again: true, labelled: false, created: true, applied: true} {
		after := uid(ours, name)
		if kept := name == again || name == labelled; kept != (after == before[name]) {
			t.Errorf("%s had the uid %s and has %s", name, before[name], after)
		}
		if hosts := uid(coreAPI(), name); (hosts != "") != inHost {
			t.Errorf("core/v1 has %s under the uid %q", name, hosts)
		}
	}
	checkKept(t, s, "expires-core", "expires-later", "expires-later-ours", "expires-meanwhile", "expires-ours")
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// figuresOf are what a source returns.
type figuresOf struct {
	stats  engine.Stats
	ready  map[string]bool
	oldest time.Time
	err    error
}

func (f figuresOf) Stats() engine.Stats         { return f.stats }
func (f figuresOf) Indexes() []string           { return slices.Sorted(maps.Keys(f.ready)) }
func (f figuresOf) IndexReady(name string) bool { return f.ready[name] }
func (f figuresOf) OldestWrite(context.Context) (time.Time, error) {
	return f.oldest, f.err
}

func newStore(t *testing.T, source Source) *Store {
	t.Helper()
	store, err := NewRegistry().NewStore()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Read(source); err != nil {
		t.Fatal(err)
	}
	return store
}

// scrape returns the values of a store's own metrics by name and labels.
func scrape(t *testing.T, store *Store) map[string]string {
	t.Helper()
	recorder := httptest.NewRecorder()
	store.registry.Handler(http.NotFoundHandler()).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("%d: %s", recorder.Code, recorder.Body)
	}
	values := map[string]string{}
	for line := range strings.Lines(recorder.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "events_apiserver_") || strings.HasPrefix(name, "apiserver_storage_size") {
			values[strings.TrimPrefix(name, "events_apiserver_store_")] = value
		}
	}
	return values
}

func expect(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	source := figuresOf{
		stats: engine.Stats{
			Keys: 1, Bytes: 2, DiskBytes: 3, FreeBytes: 4, Revision: 5, CompactRevision: 6, ChangeBufferBytes: 7, CacheHits: 8, CacheMisses: 9,
			Refusing: true, Refused: 10, Failed: true,
		},
		ready: map[string]bool{"a": true, "b": false},
	}
	expect(t, scrape(t, newStore(t, source)), map[string]string{
		"events": "1", "event_bytes": "2", "disk_bytes": "3", "disk_free_bytes": "4", "revision": "5", "compact_revision": "6", "watch_buffer_bytes": "7",
		"block_cache_hits_total": "8", "block_cache_misses_total": "9", "refusing_writes": "1", "refused_writes_total": "10", "write_failed": "1",
		`index_ready{index="a"}`: "1", `index_ready{index="b"}`: "0", "oldest_event_age_seconds": "0",
		`lists_total{index="a"}`: "0", `lists_total{index="none"}`: "0",
		`apiserver_storage_size_bytes{storage_cluster_id="embedded"}`: "3",
	})
}

func TestAges(t *testing.T) {
	t.Parallel()
	source := figuresOf{oldest: time.Now().Add(-time.Hour), stats: engine.Stats{CompactRevisionTime: time.Now().Add(-time.Minute)}}
	got := scrape(t, newStore(t, source))
	for name, least := range map[string]float64{"oldest_event_age_seconds": 3600, "compact_revision_age_seconds": 60} {
		var age float64
		if _, err := fmt.Sscan(got[name], &age); err != nil || age < least || age > least+60 {
			t.Errorf("%s is %q, want about %v", name, got[name], least)
		}
	}
	// A clock that was turned back makes nothing younger than now.
	expect(t, scrape(t, newStore(t, figuresOf{oldest: time.Now().Add(time.Hour)})), map[string]string{"oldest_event_age_seconds": "0"})
}

// An unknown age must not look like one, and must not hide the rest.
func TestOldestIsUnknown(t *testing.T) {
	t.Parallel()
	got := scrape(t, newStore(t, figuresOf{err: errors.New("no key")}))
	if age, ok := got["oldest_event_age_seconds"]; ok {
		t.Errorf("the age is %s", age)
	}
	expect(t, got, map[string]string{"events": "0"})
}

func TestCounting(t *testing.T) {
	t.Parallel()
	store, other := newStore(t, figuresOf{}), newStore(t, figuresOf{})
	passedOn := map[string]int{}
	listener := store.Listener(engine.Listener{
		Committed:       func(int, time.Duration) { passedOn["committed"]++ },
		Expired:         func(int) { passedOn["expired"]++ },
		Compacted:       func(engine.Revision, int, time.Duration) { passedOn["compacted"]++ },
		BackgroundError: func(string, error) { passedOn["background error"]++ },
		Failed:          func(error) { passedOn["failed"]++ },
	})
	// Nobody else need be interested.
	for _, l := range []engine.Listener{listener, store.Listener(engine.Listener{})} {
		l.Committed(3, 2*time.Second)
		l.Expired(5)
		l.Compacted(7, 11, time.Minute)
		l.BackgroundError("compacting", errors.New("broken"))
	}
	listener.Failed(errors.New("broken"))
	if len(passedOn) != 5 {
		t.Errorf("passed on: %v, want all five once", passedOn)
	}
	observer := store.Observer(schema.GroupResource{Resource: "counted"})
	observer.WatchStarted()
	observer.WatchStarted()
	observer.WatchEnded()
	observer.WatcherLagged()
	observer.WatcherStalled()
	observer.Changed()
	observer.Undecodable()
	observer.Listed("", 13, 1, time.Second)
	observer.Listed("type", 17, 2, time.Second)
	expect(t, scrape(t, store), map[string]string{
		"commit_operations_count": "2", "commit_operations_sum": "6", "commit_duration_seconds_sum": "4",
		"expired_events_total": "10", "compaction_duration_seconds_count": "2", "compaction_duration_seconds_sum": "120",
		"compacted_changes_total": "22", "background_errors_total": "2",
		"watchers": "1", "watchers_lagged_total": "1", "slow_watchers_ended_total": "1",
		`lists_total{index="none"}`: "1", `list_read_events_total{index="none"}`: "13", `list_returned_events_total{index="none"}`: "1",
		`lists_total{index="type"}`: "1", `list_read_events_total{index="type"}`: "17", `list_returned_events_total{index="type"}`: "2",
	})
	// Another store of this process has counted nothing.
	expect(t, scrape(t, other), map[string]string{"commit_operations_count": "0", "expired_events_total": "0", "watchers": "0", `lists_total{index="none"}`: "0"})
}

func TestRegistry_Handler(t *testing.T) {
	t.Parallel()
	handler := newStore(t, figuresOf{}).registry.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/metrics", http.StatusOK},
		{http.MethodHead, "/metrics", http.StatusOK},
		// The generic server may reset its own.
		{http.MethodDelete, "/metrics", http.StatusTeapot},
		{http.MethodGet, "/metrics/slis", http.StatusTeapot},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), test.method, test.path, nil))
		if recorder.Code != test.want {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, recorder.Code, test.want)
		}
	}
}

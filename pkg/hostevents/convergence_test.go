// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Writers through two replicas and through core/v1, requests and answers that
// are lost, leaders that change and a host that compacts: in the end both views
// are the same, and nothing waits.
func TestBridge_ViewsAgreeAfterAnyInterleaving(t *testing.T) {
	t.Parallel()
	for name, modes := range map[string][]hostevents.Mode{
		"sync":         {hostevents.ModeSync},
		"two replicas": {hostevents.ModeSync, hostevents.ModeSync},
		"async":        {hostevents.ModeAsync, hostevents.ModeAsync},
	} {
		for range 4 {
			seed := rand.Uint64() //nolint:gosec // not for secrets
			t.Run(name+"/"+strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				t.Logf("seed %d", seed)
				testInterleaving(t, seed, modes...)
			})
		}
	}
}

// seeded is one of the streams of random numbers of a seed.
func seeded(seed uint64, stream int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(stream))) //nolint:gosec // not for secrets, not negative
}

func testInterleaving(t *testing.T, seed uint64, modes ...hostevents.Mode) {
	w := newWorld(t, modes...)
	var mutex sync.Mutex
	w.host.lose = someLosses(seeded(seed, 0), &mutex)
	w.replicas[0].leads()
	var writers sync.WaitGroup
	for n := range 3 {
		for i, r := range w.replicas {
			writers.Go(func() { w.writeThrough(t, r, seeded(seed, 10*n+i)) })
		}
		writers.Go(func() { w.writeInHost(seeded(seed, 10*n+5)) })
	}
	writers.Go(func() {
		for i := range 3 {
			w.host.waitBeyond(uint64(150 + 50*i)) // the writers make some 300 versions
			if i == 1 {
				w.host.compact()
			}
			w.replicas[i%len(modes)].stop()
			w.replicas[(i+1)%len(modes)].leads()
		}
	})
	writers.Wait()
	w.host.mutex.Lock()
	w.host.lose = nil
	w.host.mutex.Unlock()
	w.waitEqual(t)
}

// writeThrough writes through a replica as clients of events.k8s.io do. What the
// host or the store refuses is answered.
func (w *world) writeThrough(t *testing.T, r *replica, rng *rand.Rand) {
	ctx := t.Context()
	for i := range 60 {
		name := fmt.Sprintf("e%d", rng.IntN(4))
		var err error
		switch rng.IntN(4) {
		case 0, 1:
			event := modelEvent(name, fmt.Sprintf("ours %d %d", rng.Uint64(), i))
			err = r.storage.Create(ctx, w.path(name), event, &events.Event{}, modelLife)
		case 2:
			err = w.bump(ctx, r, name)
		case 3:
			err = r.storage.Delete(ctx, w.path(name), &events.Event{}, nil, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{})
		}
		if err != nil && !answered(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func answered(err error) bool {
	return apiserverstorage.IsExist(err) || apiserverstorage.IsNotFound(err) || apiserverstorage.IsConflict(err) || apierrors.IsConflict(err)
}

// writeInHost writes as clients of core/v1 do.
func (w *world) writeInHost(rng *rand.Rand) {
	for i := range 60 {
		name := fmt.Sprintf("e%d", rng.IntN(4))
		key := hostevents.Key{Namespace: modelNamespace, Name: name}
		w.host.byOther(key, func(current *events.Event) (*events.Event, bool) {
			switch {
			case current == nil:
				return modelEvent(name, fmt.Sprintf("host %d %d", rng.Uint64(), i)), false
			case rng.IntN(2) == 0:
				return nil, true
			}
			next := current.DeepCopy()
			bumpSeries(next)
			return next, false
		})
		goruntime.Gosched() // lets the others in
	}
}

// An event that is gone in the host before its time to live there was deleted, and is
// deleted here, too. One that reached it stays.
func TestBridge_DistinguishesDeletionFromExpiry(t *testing.T) {
	t.Parallel()
	slack := time.Minute
	tests := map[string]struct {
		age  time.Duration
		kept bool
	}{
		"just made":                {0, false},
		"shortly before the end":   {modelTTL - slack - 10*time.Second, false},
		"at the end, by its clock": {modelTTL - slack + 10*time.Second, true},
		"at the end":               {modelTTL, true},
		"long after":               {10 * modelTTL, true},
	}
	for name, test := range tests {
		for how, watching := range map[string]bool{"seen by the watch": true, "missed and listed": false} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				testExpiry(t, test.age, test.kept, watching)
			})
		}
	}
}

func testExpiry(t *testing.T, age time.Duration, kept, watching bool) {
	w := newWorld(t, hostevents.ModeSync)
	r := w.replicas[0]
	key := hostevents.Key{Namespace: modelNamespace, Name: "a"}
	if err := r.storage.Create(t.Context(), w.path("z"), modelEvent("z", "stays"), &events.Event{}, modelLife); err != nil {
		t.Fatal(err)
	}
	w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return modelEvent("a", "goes"), false })
	w.host.age(key, age)
	r.leads()
	w.waitEqual(t)
	if !watching {
		r.stop()
	}
	w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return nil, true })
	if !watching {
		w.host.compact()
		r.leads()
	}
	// Changes are ingested in order for each worker only, so wait for the position.
	w.host.byOther(hostevents.Key{Namespace: modelNamespace, Name: "z"}, func(current *events.Event) (*events.Event, bool) {
		bumpSeries(current)
		return current, false
	})
	w.waitPosition(t)
	stored, err := w.local.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if (stored != nil) != kept {
		t.Errorf("kept: %v, want %v", stored != nil, kept)
	}
}

// waitPosition waits until everything the host has done was ingested.
func (w *world) waitPosition(t *testing.T) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, modelTimeout, true, func(ctx context.Context) (bool, error) {
		position, err := w.outbox.Position(ctx)
		w.host.mutex.Lock()
		defer w.host.mutex.Unlock()
		return position >= w.host.version, err
	})
	if err != nil {
		t.Fatalf("not all was ingested: %v", err)
	}
}

// What is past our retention is not ingested; what repeats is not past it.
func TestBridge_RetentionCountsFromTheLastObservation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeIngest)
	for name, seen := range map[string]time.Duration{"old": 0, "repeats": 200 * time.Hour} {
		key := hostevents.Key{Namespace: modelNamespace, Name: name}
		w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return modelEvent(name, "text"), false })
		w.host.age(key, 200*time.Hour)
		if seen > 0 {
			w.host.events[key].Series = &events.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()}
		}
	}
	w.replicas[0].leads()
	w.waitPosition(t)
	stored, _, err := w.local.List(t.Context(), "", 0)
	if err != nil || len(stored) != 1 || stored[0].Name != "repeats" {
		t.Errorf("ingested %d events, %v; want the one that repeats", len(stored), err)
	}
}

// A host that was restored to an earlier state counts, too, although its versions
// are lower than what is stored.
func TestBridge_FollowsARestoredHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeSync)
	r := w.replicas[0]
	r.leads()
	for _, name := range []string{"a", "b"} {
		for range 20 {
			if err := r.storage.Create(t.Context(), w.path(name), modelEvent(name, "text"), &events.Event{}, modelLife); err != nil {
				t.Fatal(err)
			}
			if name == "b" {
				break
			}
			if err := r.storage.Delete(t.Context(), w.path(name), &events.Event{}, nil, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.waitPosition(t)
	r.stop()
	w.host.mutex.Lock()
	w.host.version, w.host.history, w.host.compacted = 10, nil, 0
	w.host.events = map[hostevents.Key]*events.Event{}
	_, _ = w.host.create(modelEvent("b", "another"))
	_, _ = w.host.create(modelEvent("c", "text"))
	w.host.mutex.Unlock()
	r.leads()
	w.waitEqual(t)
}

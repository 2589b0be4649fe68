// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// startTestWorkers starts workers that end with the test.
func startTestWorkers(t *testing.T) *workers {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := startWorkers(ctx, &watermark{})
	t.Cleanup(func() {
		stop()
		w.ended.Wait()
	})
	return w
}

func mustGive(t *testing.T, w *workers, key Key, do func(context.Context) error) {
	t.Helper()
	if err := w.give(t.Context(), key, 0, 1, do); err != nil {
		t.Fatal(err)
	}
}

func TestWorkers_KeepTheOrderOfEachKey(t *testing.T) {
	t.Parallel()
	w := startTestWorkers(t)
	const keys, each = 10, 500
	var mutex sync.Mutex
	got, want := map[Key][]int{}, []int{}
	for i := range each {
		want = append(want, i)
		for k := range keys {
			key := Key{Namespace: "n", Name: strconv.Itoa(k)}
			mustGive(t, w, key, func(context.Context) error {
				mutex.Lock()
				defer mutex.Unlock()
				got[key] = append(got[key], i)
				return nil
			})
		}
	}
	if err := w.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, order := range got {
		if !slices.Equal(order, want) {
			t.Errorf("%s: %v", key, order)
		}
	}
	if len(got) != keys {
		t.Errorf("%d keys were stored, want %d", len(got), keys)
	}
}

func TestWorkers_AKeyThatWaitsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := startTestWorkers(t)
	release := make(chan struct{})
	blocked := func(ctx context.Context) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}
	for range ingestBacklog / 2 {
		mustGive(t, w, Key{Name: "stuck"}, blocked)
	}
	// As many as there are workers but one, all at once: each waits for the last.
	var all sync.WaitGroup
	all.Add(ingestWorkers - 1)
	for i := range ingestWorkers - 1 {
		mustGive(t, w, Key{Name: strconv.Itoa(i)}, func(context.Context) error {
			all.Done()
			all.Wait()
			return nil
		})
	}
	all.Wait()
	close(release)
	if err := w.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWorkers_TakeNoMoreThanTheBacklog(t *testing.T) {
	t.Parallel()
	w := startTestWorkers(t)
	release := make(chan struct{})
	for range ingestBacklog {
		mustGive(t, w, Key{Name: "stuck"}, func(context.Context) error {
			<-release
			return nil
		})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := w.give(ended, Key{Name: "other"}, 0, 1, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was taken: %v", err)
	}
	close(release)
	if err := w.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.busy) != 0 {
		t.Errorf("%d keys are remembered", len(w.busy))
	}
}

func TestWorkers_TakeNoMoreThanSoManyBytes(t *testing.T) {
	t.Parallel()
	w := startTestWorkers(t)
	release := make(chan struct{})
	wait := func(context.Context) error {
		<-release
		return nil
	}
	const size = ingestBytes / 4
	for i := range 4 {
		if err := w.give(t.Context(), Key{Name: strconv.Itoa(i)}, 0, size, wait); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := w.give(ended, Key{Name: "other"}, 0, size, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was taken: %v", err)
	}
	close(release)
	// One that is larger than all of it is taken when there is nothing else.
	if err := w.give(t.Context(), Key{Name: "huge"}, 0, 3*ingestBytes, wait); err != nil {
		t.Fatal(err)
	}
	if err := w.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

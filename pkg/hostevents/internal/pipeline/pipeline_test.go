// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// startTest starts workers that end with the test.
func startTest(t *testing.T) *Pipeline {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := Start(ctx)
	t.Cleanup(func() {
		stop()
		p.Wait()
	})
	return p
}

func mustEnqueue(t *testing.T, p *Pipeline, key string, do func(context.Context) error) {
	t.Helper()
	if err := p.Enqueue(t.Context(), key, 0, 1, do); err != nil {
		t.Fatal(err)
	}
}

func TestPipeline_KeepTheOrderOfEachKey(t *testing.T) {
	t.Parallel()
	p := startTest(t)
	const keys, each = 10, 500
	var mutex sync.Mutex
	got, want := map[string][]int{}, []int{}
	for i := range each {
		want = append(want, i)
		for k := range keys {
			key := strconv.Itoa(k)
			mustEnqueue(t, p, key, func(context.Context) error {
				mutex.Lock()
				defer mutex.Unlock()
				got[key] = append(got[key], i)
				return nil
			})
		}
	}
	if err := p.Idle(t.Context()); err != nil {
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

func TestPipeline_AKeyThatWaitsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	p := startTest(t)
	release := make(chan struct{})
	blocked := func(ctx context.Context) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}
	for range backlog / 2 {
		mustEnqueue(t, p, "stuck", blocked)
	}
	// As many as there are workers but one, all at once: each waits for the last.
	var all sync.WaitGroup
	all.Add(concurrency - 1)
	for i := range concurrency - 1 {
		mustEnqueue(t, p, strconv.Itoa(i), func(context.Context) error {
			all.Done()
			all.Wait()
			return nil
		})
	}
	all.Wait()
	close(release)
	if err := p.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPipeline_TakeNoMoreThanTheBacklog(t *testing.T) {
	t.Parallel()
	p := startTest(t)
	release := make(chan struct{})
	for range backlog {
		mustEnqueue(t, p, "stuck", func(context.Context) error {
			<-release
			return nil
		})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := p.Enqueue(ended, "other", 0, 1, func(context.Context) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was taken: %v", err)
	}
	close(release)
	if err := p.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.busy) != 0 {
		t.Errorf("%d keys are remembered", len(p.busy))
	}
}

func TestPipeline_TakeNoMoreThanSoManyBytes(t *testing.T) {
	t.Parallel()
	p := startTest(t)
	release := make(chan struct{})
	wait := func(context.Context) error {
		<-release
		return nil
	}
	const size = backlogBytes / 4
	for i := range 4 {
		if err := p.Enqueue(t.Context(), strconv.Itoa(i), 0, size, wait); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := p.Enqueue(ended, "other", 0, size, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was taken: %v", err)
	}
	close(release)
	// One that is larger than all of it is taken when there is nothing else.
	if err := p.Enqueue(t.Context(), "huge", 0, 3*backlogBytes, wait); err != nil {
		t.Fatal(err)
	}
	if err := p.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWatermark_FollowsTheFirstThatIsMissing(t *testing.T) {
	t.Parallel()
	mark := &watermark{}
	begin := time.Unix(1000, 0)
	first, second, third := mark.begin(5, begin), mark.begin(6, begin.Add(1)), mark.begin(9, begin.Add(2))
	mark.finish(third)
	if reached, _ := mark.position(); reached != 0 {
		t.Errorf("reached %d with the first on its way", reached)
	}
	mark.finish(first)
	if reached, done := mark.position(); reached != 5 || done != 2 {
		t.Errorf("reached %d after %d, want 5 after 2", reached, done)
	}
	if oldest := mark.oldest(); !oldest.Equal(begin.Add(1)) {
		t.Errorf("the oldest is from %s", oldest)
	}
	empty := mark.empty()
	select {
	case <-empty:
		t.Error("empty with one on its way")
	default:
	}
	mark.finish(second)
	<-empty
	if reached, _ := mark.position(); reached != 9 || !mark.oldest().IsZero() {
		t.Errorf("reached %d, want 9 and nothing on its way", reached)
	}
	mark.finish(mark.begin(12, time.Time{}))
	if reached, _ := mark.position(); reached != 12 {
		t.Errorf("a bookmark led to %d", reached)
	}
}

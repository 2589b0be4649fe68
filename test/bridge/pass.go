// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// newNamespace makes a namespace of that name and a side of the cluster in it.
func (h *Host) newNamespace(t *testing.T, name string) *side {
	t.Helper()
	made, err := newSide(t.Context(), h.Name, h.client, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.close)
	return made
}

// passed returns when events-apiserver has ingested what the host had at the time
// of the call. Of many events written after it all have come then: enough for
// each of its workers to have had one, if it has several.
func (h *Host) passed(t *testing.T, namespace string) {
	t.Helper()
	const marks = 48
	if err := h.client.makeNamespace(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, marks)
	var making sync.WaitGroup
	for i := range marks {
		making.Go(func() {
			event := body(coreAPI(), legacy(fmt.Sprintf("mark-%d", i), namespace))
			_, errs[i] = h.client.must(t.Context(), http.MethodPost, coreAPI().path(namespace, ""), "", event)
		})
	}
	making.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the marks", func(ctx context.Context) error {
		items, _, err := h.client.list(ctx, eventsAPI(), namespace, nil)
		if err == nil && len(items) != marks {
			err = fmt.Errorf("%d of %d are there", len(items), marks)
		}
		return err
	})
}

// agree waits until both views of the namespace are one set of events.
func (s *side) agree(t *testing.T, differ func(lists) string) lists {
	t.Helper()
	var got lists
	clustertest.Eventually(t, "agreement of the views", func(ctx context.Context) (err error) {
		if got, err = s.lists(ctx); err != nil {
			return err
		}
		if found := differ(got); found != "" {
			return errors.New(found)
		}
		return nil
	})
	return got
}

// inParallel runs f for each of n and returns all errors.
func inParallel(n int, f func(i int) error) error {
	const workers = 8
	errs := make([]error, n)
	next := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	running.Wait()
	return errors.Join(errs...)
}

func versionOf(event tree) string {
	meta, _ := event["metadata"].(tree)
	text, _ := meta["resourceVersion"].(string)
	return text
}

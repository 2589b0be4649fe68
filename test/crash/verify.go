// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// verify compares what the server returns after a start with the record. No writer may be
// running. With effort 1 it lists by all values of all fields, with effort n by one in n. It
// stops at the first problem, because later checks would wait for it in vain.
func (h *harness) verify(ctx context.Context, effort int) error {
	l := lister{h.clients.protobuf, h.record}
	if h.random.IntN(2) == 0 {
		l.client = h.clients.json
	}
	revision, err := h.confirm(ctx, l)
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { return l.exact(ctx, selection{}, revision) },
		func() error { return h.verifyPast(ctx, l, revision) },
		func() error { return h.verifySelections(ctx, l, revision, effort) },
		func() error { return h.verifyGets(ctx) },
		func() error { return h.verifyInitialEvents(ctx) },
	}
	for _, f := range h.followers {
		steps = append(steps, func() error { return f.check(ctx, revision) })
	}
	for _, m := range h.mirrors {
		steps = append(steps, func() error { return m.check(ctx, l.client, h.found) })
	}
	for _, step := range steps {
		if h.problems.Load() > 0 {
			return nil
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// confirm lists everything, confirms all changes up to it, and updates the writers.
func (h *harness) confirm(ctx context.Context, l lister) (uint64, error) {
	list, items, err := l.newest(ctx, selection{})
	if err != nil {
		return 0, fmt.Errorf("listing everything: %w", err)
	}
	delivered := func() bool { _, ok := h.record.complete(list.revision); return ok }
	if !eventually(ctx, delivered) {
		missing, _ := h.record.complete(list.revision)
		h.record.found(fmt.Sprintf("no watch of everything has delivered revision %d after %s; a list shows revision %d", missing, waitTimeout, list.revision))
	}
	h.record.confirm(list.revision)
	held := map[key]*holding{}
	for i := range items {
		if from, until, ok := h.record.dueOf(&list.items[i]); ok {
			held[list.items[i].key] = &holding{&items[i], list.items[i], from, until}
		}
	}
	for _, w := range h.writers {
		w.learn(held)
	}
	return list.revision, nil
}

// verifyPast lists the state at revisions from before the start, which may be compacted.
func (h *harness) verifyPast(ctx context.Context, l lister, revision uint64) error {
	for _, limit := range []uint64{100, 1000, 10000} {
		past := revision - h.random.Uint64N(min(revision, limit))
		if err := l.exact(ctx, selection{}, past); err != nil {
			return fmt.Errorf("listing the state at revision %d: %w", past, err)
		}
	}
	return nil
}

// verifySelections lists by every indexed field, at the revision and now.
func (h *harness) verifySelections(ctx context.Context, l lister, revision uint64, effort int) error {
	var all []selection
	for _, field := range indexedFields() {
		for i, value := range h.record.values(field) {
			if (i+h.rounds)%effort != 0 {
				continue
			}
			s := selection{field: field, value: value}
			all = append(all, s)
			s.namespace = h.namespaces[i%len(h.namespaces)]
			s.phase = []string{"", "a", "b"}[i%3]
			all = append(all, s)
		}
	}
	work := make(chan selection)
	results := make(chan error, verifiers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	for range verifiers {
		running.Go(func() {
			for s := range work {
				if err := h.verifySelection(ctx, l, s, revision); err != nil {
					results <- fmt.Errorf("listing %s: %w", s, err)
					cancel()
					return
				}
			}
		})
	}
	for _, s := range all {
		select {
		case work <- s:
		case <-ctx.Done():
		}
	}
	close(work)
	running.Wait()
	close(results)
	return <-results
}

// verifiers is the number of concurrent lists.
const verifiers = 4

func (h *harness) verifySelection(ctx context.Context, l lister, s selection, revision uint64) error {
	if err := l.exact(ctx, s, revision); err != nil {
		return err
	}
	_, _, err := l.newest(ctx, s)
	return err
}

// verifyGets reads every key of some writers.
func (h *harness) verifyGets(ctx context.Context) error {
	w := h.writers[h.rounds%len(h.writers)]
	for _, k := range w.keys {
		held := w.held[k]
		event, err := h.clients.json.Events(k.namespace).Get(ctx, k.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			if held != nil && !held.over() {
				h.record.found(fmt.Sprintf("%s is not found; the list shows revision %d", k, held.revision))
			}
			continue
		case err != nil:
			return fmt.Errorf("getting %s: %w", k, err)
		case held == nil:
			h.record.found(fmt.Sprintf("%s is found at revision %s; the list does not show it", k, event.ResourceVersion))
			continue
		}
		if err := held.compare(event); err != nil {
			h.record.found(err.Error())
		}
	}
	return nil
}

// verifyInitialEvents reads the state from the initial events of a watch, like informers.
func (h *harness) verifyInitialEvents(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	namespace := h.namespaces[h.rounds%len(h.namespaces)]
	got := &sample{selection: selection{namespace: namespace}, reading: newest}
	floor := h.record.newest()
	got.sent = time.Now()
	watcher, err := h.clients.protobuf.Events(namespace).Watch(ctx, metav1.ListOptions{
		SendInitialEvents: new(true), AllowWatchBookmarks: true,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
	if err != nil {
		return fmt.Errorf("watching with initial events: %w", err)
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		obj, ok := event.Object.(*eventsv1.Event)
		if !ok {
			return fmt.Errorf("watching with initial events gave a %T", event.Object)
		}
		if event.Type == watch.Bookmark && obj.Annotations[metav1.InitialEventsAnnotationKey] == "true" {
			got.done = time.Now()
			if got.revision, err = strconv.ParseUint(obj.ResourceVersion, 10, 64); err != nil {
				return err
			}
			h.record.sawList(got, floor)
			return nil
		}
		if event.Type != watch.Added {
			// An event expired while the initial events were sent.
			return nil
		}
		v, err := versionOf(obj)
		if err != nil {
			return err
		}
		got.items = append(got.items, v)
	}
	return fmt.Errorf("watching with initial events ended without their end: %w", ctx.Err())
}

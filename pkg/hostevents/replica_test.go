// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// bumpKnown counts one more occurrence of the event as a client knows it. As with
// the registry it is a conflict if another state is stored by then.
func (w *world) bumpKnown(ctx context.Context, r *replica, known *events.Event) error {
	life := uint64(modelLife)
	return r.storage.GuaranteedUpdate(ctx, w.path(known.Name), &events.Event{}, false, nil, func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		event := input.(*events.Event)
		if event.ResourceVersion != known.ResourceVersion {
			return nil, nil, apierrors.NewConflict(events.Resource("events"), known.Name, errors.New("the object has been modified"))
		}
		bumpSeries(event)
		event.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "the client", Operation: metav1.ManagedFieldsOperationUpdate}}
		return event, &life, nil
	}, nil)
}

// What another replica stores between the host's answer and our own storing is no
// conflict for the client: the change is made, and would be made twice if it tried
// again.
func TestMirror_AChangeThatTheHostHasIsNoConflict(t *testing.T) {
	t.Parallel()
	const name = "counter"
	byOther := func(change func(stored *events.Event)) func(*world) error {
		return func(w *world) error {
			return w.local.Upsert(context.Background(), hostevents.Key{Namespace: modelNamespace, Name: name}, func(stored *events.Event) (*events.Event, time.Duration) {
				change(stored)
				return stored, time.Hour
			})
		}
	}
	for title, test := range map[string]struct {
		lost loss
		// meanwhile is what the other replica does; made is the host's new state.
		meanwhile func(w *world) error
		want      func(made *events.Event) *events.Event
	}{
		"the state before, with its managed fields": {
			meanwhile: byOther(func(stored *events.Event) {
				stored.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "another client", Operation: metav1.ManagedFieldsOperationUpdate}}
			}),
			want: func(made *events.Event) *events.Event { return made },
		},
		"a later change of the state before, which waits for the host": {
			meanwhile: byOther(func(stored *events.Event) {
				stored.Note, stored.Host.Pending = "acknowledged", true
			}),
			want: func(made *events.Event) *events.Event {
				made.Series, made.Note, made.Host.Pending = nil, "acknowledged", true
				return made
			},
		},
		"its echo": {
			meanwhile: func(w *world) error { return w.ingestCurrent(name) },
			want:      func(made *events.Event) *events.Event { return made },
		},
		"its echo, and the answer is lost": {
			lost:      answerLost,
			meanwhile: func(w *world) error { return w.ingestCurrent(name) },
			want:      func(made *events.Event) *events.Event { return made },
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, hostevents.ModeSync, hostevents.ModeSync)
			if err := w.replicas[0].storage.Create(t.Context(), w.path(name), modelEvent(name, "a note"), &events.Event{}, modelLife); err != nil {
				t.Fatal(err)
			}
			var meanwhile error
			once := sync.OnceFunc(func() { meanwhile = test.meanwhile(w) })
			w.host.mutex.Lock()
			w.host.lose, w.host.made = func() loss { return test.lost }, once
			w.host.mutex.Unlock()
			if err := w.bumpKnown(t.Context(), w.replicas[0], w.mustGet(t, name)); err != nil {
				t.Errorf("the client is told %v", err)
			}
			if meanwhile != nil {
				t.Fatalf("what another replica stores meanwhile: %v", meanwhile)
			}
			made := w.host.snapshot()[hostevents.Key{Namespace: modelNamespace, Name: name}]
			if made.Series == nil || made.Series.Count != 2 {
				t.Errorf("the host has the series %+v, want a count of 2", made.Series)
			}
			got := w.mustGet(t, name)
			if diff := cmp.Diff(plain(test.want(made)), plain(got)); diff != "" {
				t.Errorf("stored is (-want +got)\n%s", diff)
			}
			if !got.Host.Pending && (len(got.ManagedFields) != 1 || got.ManagedFields[0].Manager != "the client") {
				t.Errorf("its managed fields are %v, want those of the client", got.ManagedFields)
			}
		})
	}
}

// ingestCurrent stores what the host has now, as a leader does with a change
// of its watch. The host waits.
func (w *world) ingestCurrent(name string) error {
	current := w.host.events[hostevents.Key{Namespace: modelNamespace, Name: name}].DeepCopy()
	return w.local.Upsert(context.Background(), hostevents.KeyOf(current), func(stored *events.Event) (*events.Event, time.Duration) {
		return hostevents.Merge(stored, current), time.Hour
	})
}

// Clients of two replicas and of core/v1 count one event up, each changing the
// state that it has read, and none other. What was answered counts once, and what
// was refused does not.
func TestMirror_EachChangeCountsOnce(t *testing.T) {
	t.Parallel()
	const name, each = "counter", 40
	key := hostevents.Key{Namespace: modelNamespace, Name: name}
	w := newWorld(t, hostevents.ModeSync, hostevents.ModeSync)
	w.replicas[0].leads()
	first := modelEvent(name, "a note")
	first.Series = &events.EventSeries{Count: 2}
	if err := w.replicas[0].storage.Create(t.Context(), w.path(name), first, &events.Event{}, modelLife); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i, r := range w.replicas {
		writers.Go(func() {
			if err := w.countTo(t.Context(), r, key, each); err != nil {
				t.Errorf("through replica %d: %v", i, err)
			}
		})
	}
	writers.Go(func() {
		for n := range each {
			w.host.byOther(key, func(current *events.Event) (*events.Event, bool) {
				next := current.DeepCopy()
				bumpSeries(next)
				return next, false
			})
			w.host.waitBeyond(uint64(100 + 2*n)) // not all at once
		}
	})
	writers.Wait()
	w.waitEqual(t)
	if got, want := w.mustGet(t, name).Series.Count, int32(2+3*each); got != want {
		t.Errorf("counted to %d, want %d", got, want)
	}
}

// countTo changes the event so many times. A conflict is tried again.
func (w *world) countTo(ctx context.Context, r *replica, key hostevents.Key, changes int) error {
	for done := 0; done < changes; {
		known, err := w.local.Get(ctx, key)
		if err != nil {
			return err
		}
		err = w.bumpKnown(ctx, r, known)
		if err == nil {
			done++
		} else if !apierrors.IsConflict(err) {
			return fmt.Errorf("after %d changes: %w", done, err)
		}
	}
	return nil
}

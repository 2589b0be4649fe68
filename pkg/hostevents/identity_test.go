// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/mirror"
)

// expired is a world in which the host has let the event "a" expire, which is
// kept here.
func expired(t *testing.T) (*world, *replica, *events.Event) {
	t.Helper()
	w := newWorld(t, hostevents.ModeSync)
	r := w.replicas[0]
	key := hostevents.Key{Namespace: modelNamespace, Name: "a"}
	w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return modelEvent("a", "old"), false })
	w.host.age(key, 3*modelTTL)
	r.leads()
	w.waitEqual(t)
	w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return nil, true })
	w.waitPosition(t)
	kept := w.mustGet(t, "a")
	return w, r, kept
}

// update changes an event through a replica, as a client that knows its uid.
func (w *world) update(t *testing.T, ctx context.Context, r *replica, known *events.Event, change func(*events.Event)) error { //nolint:revive // ctx may carry what an apply adds
	t.Helper()
	life := uint64(modelLife)
	only := apiserverstorage.NewUIDPreconditions(string(known.UID))
	return r.storage.GuaranteedUpdate(ctx, w.path(known.Name), &events.Event{}, false, only, func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		event := input.(*events.Event)
		change(event)
		return event, &life, nil
	}, nil)
}

// The uid and the creation time that a client has seen never change: a series
// that goes on after the host's hour is made there again, as another object.
func TestBridge_KeepsTheIdentityOfAnEventThatExpiredInTheHost(t *testing.T) {
	t.Parallel()
	w, r, before := expired(t)
	for range 2 {
		if err := w.update(t, t.Context(), r, before, bumpSeries); err != nil {
			t.Fatal(err)
		}
	}
	w.waitEqual(t)
	after := w.mustGet(t, "a")
	if after.UID != before.UID || !after.CreationTimestamp.Equal(&before.CreationTimestamp) {
		t.Errorf("its identity changed from %s, %s to %s, %s", before.UID, before.CreationTimestamp, after.UID, after.CreationTimestamp)
	}
	made := w.host.snapshot()[hostevents.KeyOf(after)]
	if made == nil || made.UID == before.UID || made.Series == nil || made.Series.Count != 3 {
		t.Fatalf("the host has %+v", made)
	}
	// What follows in the host is the same event here, and so is its deletion.
	w.host.byOther(hostevents.KeyOf(after), func(current *events.Event) (*events.Event, bool) {
		bumpSeries(current)
		return current, false
	})
	w.waitEqual(t)
	if again := w.mustGet(t, "a"); again.UID != before.UID || again.Series.Count != 4 {
		t.Errorf("after a change in the host: %s, %+v", again.UID, again.Series)
	}
	w.mustDelete(t, r, "a")
	w.waitEqual(t)
}

// An event that is made in the host later than it was answered here keeps the uid
// that was answered.
func TestBridge_KeepsTheIdentityOfAnEventThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeAsync)
	r := w.replicas[0]
	w.mustCreate(t, r, "a")
	before := w.mustGet(t, "a")
	r.leads()
	w.waitEqual(t)
	if after := w.mustGet(t, "a"); after.UID != before.UID || after.Host.Pending || after.Host.UID == "" {
		t.Errorf("it was answered as %s and is %s now, host state %+v", before.UID, after.UID, after.Host)
	}
	w.host.byOther(hostevents.KeyOf(before), func(*events.Event) (*events.Event, bool) { return nil, true })
	w.waitEqual(t)
}

// A change that is no new occurrence of the event stays here: labels on
// all events must not bring a week of them back into the host's etcd.
func TestBridge_LabelsDoNotBringAnEventBackInTheHost(t *testing.T) {
	t.Parallel()
	w, r, before := expired(t)
	err := w.update(t, t.Context(), r, before, func(event *events.Event) { event.Labels = map[string]string{"seen": "yes"} })
	if err != nil {
		t.Fatal(err)
	}
	after := w.mustGet(t, "a")
	if after.Labels["seen"] != "yes" || after.UID != before.UID || after.Host.Pending {
		t.Errorf("stored is %+v", after)
	}
	if n := len(w.host.snapshot()); n != 0 {
		t.Errorf("the host has %d events", n)
	}
}

// What the host has surely forgotten is deleted without asking it.
func TestBridge_DeletesWithoutAskingAForgetfulHost(t *testing.T) {
	t.Parallel()
	w, r, _ := expired(t)
	var asked atomic.Int32
	w.host.mutex.Lock()
	w.host.fails = func(hostevents.Key) error {
		asked.Add(1)
		return nil
	}
	w.host.mutex.Unlock()
	w.mustDelete(t, r, "a")
	if n := asked.Load(); n != 0 {
		t.Errorf("the host was asked %d times", n)
	}
	w.waitEqual(t)
}

// follow watches the event "a" from its present state on.
func (w *world) follow(t *testing.T, from *events.Event) watch.Interface {
	t.Helper()
	options := apiserverstorage.ListOptions{ResourceVersion: from.ResourceVersion, Predicate: apiserverstorage.Everything, Recursive: true}
	watching, err := w.store.Watch(t.Context(), w.prefix+"/", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watching.Stop)
	return watching
}

// An event under the name of one that the host has let expire is another object,
// however it is made: watchers see DELETED and ADDED.
func TestBridge_ReplacesAnEventThatExpiredInTheHost(t *testing.T) {
	t.Parallel()
	apply := func(w *world, r *replica) error {
		life := uint64(modelLife)
		ctx := r.storage.(*mirror.Storage).Replacing(context.Background())
		return r.storage.GuaranteedUpdate(ctx, w.path("a"), &events.Event{}, true, nil, func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
			if existing := input.(*events.Event); existing.ResourceVersion != "" {
				return nil, nil, errors.New("eventTime: Invalid value: field is immutable")
			}
			return modelEvent("a", "new"), &life, nil
		}, nil)
	}
	for name, create := range map[string]func(w *world, r *replica) error{
		"created": func(w *world, r *replica) error {
			return r.storage.Create(context.Background(), w.path("a"), modelEvent("a", "new"), &events.Event{}, modelLife)
		},
		"applied": apply,
		"created in the host": func(w *world, _ *replica) error {
			w.host.byOther(hostevents.Key{Namespace: modelNamespace, Name: "a"}, func(*events.Event) (*events.Event, bool) { return modelEvent("a", "new"), false })
			return nil
		},
		"created with the host unavailable": func(w *world, r *replica) error {
			w.host.loseAll(requestLost)
			defer w.host.loseAll(nothingLost)
			return r.storage.Create(context.Background(), w.path("a"), modelEvent("a", "new"), &events.Event{}, modelLife)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r, before := expired(t)
			watching := w.follow(t, before)
			if err := create(w, r); err != nil {
				t.Fatal(err)
			}
			w.waitEqual(t)
			after := w.mustGet(t, "a")
			if after.Note != "new" || after.UID == before.UID {
				t.Errorf("stored is %s, %q", after.UID, after.Note)
			}
			for _, want := range []watch.EventType{watch.Deleted, watch.Added} {
				got := next(t, watching)
				if event := got.Object.(*events.Event); got.Type != want || event.Name != "a" || (event.UID == before.UID) != (want == watch.Deleted) {
					t.Errorf("watched %s of %s, want %s", got.Type, event.UID, want)
				}
			}
		})
	}
}

func next(t *testing.T, watching watch.Interface) watch.Event {
	t.Helper()
	select {
	case got := <-watching.ResultChan():
		if shared, ok := got.Object.(runtime.CacheableObject); ok {
			got.Object = shared.GetObject()
		}
		return got
	case <-time.After(modelTimeout):
		t.Fatal("nothing is watched")
		return watch.Event{}
	}
}

// A name is not free for as long as the host has the event, whatever its age is.
func TestBridge_DoesNotReplaceWhatTheHostStillHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeSync)
	r := w.replicas[0]
	key := hostevents.Key{Namespace: modelNamespace, Name: "a"}
	w.host.byOther(key, func(*events.Event) (*events.Event, bool) { return modelEvent("a", "old"), false })
	w.host.age(key, modelTTL)
	r.leads()
	w.waitEqual(t)
	before := w.mustGet(t, "a")
	err := r.storage.Create(t.Context(), w.path("a"), modelEvent("a", "new"), &events.Event{}, modelLife)
	if !apiserverstorage.IsExist(err) {
		t.Errorf("creating it again: %v", err)
	}
	ctx := r.storage.(*mirror.Storage).Replacing(t.Context())
	apply := func(event *events.Event) {
		if event.ResourceVersion == "" {
			*event = *modelEvent("a", "new") // an apply creates what is not there
			return
		}
		bumpSeries(event)
	}
	if err := w.update(t, ctx, r, before, apply); err != nil {
		t.Errorf("applying it again: %v", err)
	}
	w.waitEqual(t)
	if after := w.mustGet(t, "a"); after.UID != before.UID || after.Note != "old" || after.Series == nil {
		t.Errorf("stored is %+v", after)
	}
}

// What the host's admission rejects after it was answered here is undone: an event
// that the host never had is deleted, one that it has goes back to its state there.
func TestBridge_RevertsWhatTheHostRejectsLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeAsync)
	r := w.replicas[0]
	w.host.rejecting(apierrors.NewForbidden(events.Resource("events"), "", errors.New("denied by a webhook that hung before")))
	r.leads()
	w.mustCreate(t, r, "known")
	w.waitEqual(t)
	r.stop()
	known := w.mustGet(t, "known")
	if err := w.update(t, t.Context(), r, known, func(event *events.Event) { event.Labels = map[string]string{"bad": "yes"} }); err != nil {
		t.Fatal(err)
	}
	if err := r.storage.Create(t.Context(), w.path("unknown"), modelEvent("unknown", "bad"), &events.Event{}, modelLife); err != nil {
		t.Fatal(err)
	}
	watching := w.follow(t, w.mustGet(t, "unknown"))
	r.leads()
	w.waitEqual(t)
	if after := w.mustGet(t, "known"); after.UID != known.UID || after.Labels != nil {
		t.Errorf("the event that the host has is %+v", after)
	}
	for range 2 {
		got := next(t, watching)
		event := got.Object.(*events.Event)
		if want := map[string]watch.EventType{"known": watch.Modified, "unknown": watch.Deleted}[event.Name]; got.Type != want {
			t.Errorf("watched %s of %s, want %s", got.Type, event.Name, want)
		}
	}
	if n := r.bridge.Status().DrainRejected; n != 2 {
		t.Errorf("%d writes are counted as reverted, want 2", n)
	}
}

// An answer with the code 500 to a write that waits may be of a webhook that is
// being started: it is tried again, ever more rarely.
func TestBridge_RetriesWhatTheHostFailsAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeAsync)
	r := w.replicas[0]
	w.mustCreate(t, r, "a")
	var tries atomic.Int32
	w.host.mutex.Lock()
	w.host.rejects = func(*events.Event) error {
		if tries.Add(1) < 3 {
			return apierrors.NewInternalError(errors.New("failed calling webhook"))
		}
		return nil
	}
	w.host.mutex.Unlock()
	begun := time.Now()
	r.leads()
	w.waitEqual(t)
	if took := time.Since(begun); took < 3*time.Second {
		t.Errorf("three tries within %s", took)
	}
	if err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, modelTimeout, true, func(context.Context) (bool, error) {
		return r.bridge.Status().Drained == 1, nil
	}); err != nil {
		t.Errorf("drained %d: %v", r.bridge.Status().Drained, err)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/mirror"
)

// What the store refuses must not have been made in the host by then, and is
// refused for the same reason whether the name is taken or not.
func TestMirror_CreatesNothingWithAVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeSync)
	create := func(name, version string) error {
		event := modelEvent(name, "a note")
		event.ResourceVersion = version
		return w.replicas[0].storage.Create(t.Context(), w.path(name), event, &events.Event{}, 600)
	}
	if err := create("taken", ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"taken", "free"} {
		if err := create(name, "5"); !errors.Is(err, apiserverstorage.ErrResourceVersionSetOnCreate) {
			t.Errorf("creating %s with a version: %v", name, err)
		}
	}
	w.host.mutex.Lock()
	defer w.host.mutex.Unlock()
	if n := len(w.host.events); n != 1 {
		t.Errorf("the host has %d events, want the one that was not refused", n)
	}
}

// A Status of the host is an answer, also one with the code 500: the write is
// refused with it, nothing is stored, and nothing waits.
func TestMirror_AnswersWhatTheHostAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeSync)
	r := w.replicas[0]
	failed := apierrors.NewInternalError(errors.New(`failed calling webhook "w": connection refused`))
	w.host.rejecting(failed)
	for range 5 {
		err := r.storage.Create(t.Context(), w.path("a"), modelEvent("a", "bad"), &events.Event{}, modelLife)
		if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), "failed calling webhook") {
			t.Errorf("answered with %v", err)
		}
		// One namespace's trouble stays there, and does not make others wait.
		w.mustCreate(t, r, "good")
		if n := len(w.host.snapshot()); n != 1 {
			t.Fatalf("the host has %d events when a write is answered", n)
		}
		w.mustDelete(t, r, "good")
	}
	if status := r.bridge.Status(); status.Postponed != 0 || !status.HostAvailable {
		t.Errorf("%d writes wait, the host is available: %t", status.Postponed, status.HostAvailable)
	}
	w.waitEqual(t)
}

// late makes an event in the host after it was looked for there, as the leader of
// two replicas does with one that waits.
type late struct {
	*hostevents.Bridge
	make func()
}

func (l late) Delete(ctx context.Context, stored *events.Event, unchanged bool) error {
	err := l.Bridge.Delete(ctx, stored, unchanged)
	l.make()
	return err
}

// An event that is made in the host while it is deleted through another replica is
// deleted in both views.
func TestMirror_DeletesWhatIsMadeMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeSync, hostevents.ModeSync)
	w.host.loseAll(requestLost)
	w.mustCreate(t, w.replicas[0], "a")
	w.host.loseAll(nothingLost)
	key := hostevents.Key{Namespace: modelNamespace, Name: "a"}
	once := sync.OnceFunc(func() {
		made, err := w.host.Create(context.Background(), w.mustGet(t, "a"), false)
		if err != nil {
			t.Error(err)
			return
		}
		err = w.local.Upsert(context.Background(), key, func(stored *events.Event) (*events.Event, time.Duration) {
			return hostevents.Merge(stored, made), time.Hour
		})
		if err != nil {
			t.Error(err)
		}
	})
	r := &replica{storage: mirror.New(w.store, late{w.replicas[1].bridge, once})}
	w.mustDelete(t, r, "a")
	if n := len(w.host.snapshot()); n != 0 {
		t.Errorf("the host has %d events", n)
	}
	if stored, err := w.local.Get(t.Context(), key); stored != nil || err != nil {
		t.Errorf("stored is %+v, %v", stored, err)
	}
}

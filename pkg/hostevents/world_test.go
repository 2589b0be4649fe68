// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/mirror"
	"github.com/events-apiserver/events-apiserver/test/eventstore"
)

const (
	modelNamespace = "team"
	modelTTL       = time.Hour
	modelTimeout   = 3 * time.Minute
)

// world is a real embedded store, a host, and replicas that join the two.
type world struct {
	host     *hostModel
	store    apiserverstorage.Interface
	prefix   string
	local    hostevents.Local
	outbox   hostevents.Outbox
	replicas []*replica
}

// replica is one process.
type replica struct {
	bridge  *hostevents.Bridge
	storage apiserverstorage.Interface
	stop    func()
}

func newWorld(t *testing.T, modes ...hostevents.Mode) *world {
	t.Helper()
	stores := eventstore.Open(t)
	w := &world{host: newHostModel(), store: stores.Events, prefix: stores.Prefix, local: stores.Local, outbox: stores.Outbox}
	t.Cleanup(func() {
		for _, r := range w.replicas {
			r.stop()
		}
	})
	for _, mode := range modes {
		w.addReplica(mode, len(modes) > 1)
	}
	return w
}

// addReplica starts a replica that leads when it is told to.
func (w *world) addReplica(mode hostevents.Mode, shared bool) {
	r := &replica{}
	r.bridge = hostevents.New(hostevents.Config{
		Shared: shared,
		Mode:   mode, Host: w.host, Local: w.local, Outbox: w.outbox,
		Timeout: time.Second, HostTTL: modelTTL,
		Retention: func(*events.Event) time.Duration { return 100 * time.Hour },
		Elect: func(ctx context.Context, lead func(context.Context)) error {
			lead(ctx)
			return nil
		},
	})
	r.storage = mirror.New(w.store, r.bridge)
	r.stop = func() {}
	w.replicas = append(w.replicas, r)
}

// leads makes the replica the leader until stop is called.
func (r *replica) leads() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.bridge.Run(ctx)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
}

func modelEvent(name, note string) *events.Event {
	return &events.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: modelNamespace, Name: name, UID: uuid.NewUUID(),
			CreationTimestamp: metav1.NewTime(time.Now().Truncate(time.Second)),
		},
		EventTime: metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)),
		Note:      note,
		Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p", Namespace: modelNamespace},
	}
}

func (w *world) path(name string) string {
	return w.prefix + "/" + modelNamespace + "/" + name
}

const modelLife = 360_000

// bump counts one more occurrence through a replica.
func (w *world) bump(ctx context.Context, r *replica, name string) error {
	life := uint64(modelLife)
	return r.storage.GuaranteedUpdate(ctx, w.path(name), &events.Event{}, false, nil, func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		event := input.(*events.Event)
		bumpSeries(event)
		return event, &life, nil
	}, nil)
}

func bumpSeries(event *events.Event) {
	series := events.EventSeries{Count: 1}
	if event.Series != nil {
		series = *event.Series
	}
	series.Count++
	series.LastObservedTime = metav1.NewMicroTime(time.Now().Truncate(time.Microsecond))
	event.Series = &series
}

// waitEqual waits until the store has what the host has, and nothing waits.
func (w *world) waitEqual(t *testing.T) {
	t.Helper()
	var why string
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, modelTimeout, true, func(ctx context.Context) (bool, error) {
		var err error
		why, err = w.difference(ctx)
		return why == "", err
	})
	if err != nil {
		t.Fatalf("the views do not become equal: %v\n%s", err, why)
	}
}

func (w *world) difference(ctx context.Context) (string, error) {
	waiting := 0
	if err := w.outbox.Each(ctx, func(hostevents.Record) bool { waiting++; return true }); err != nil {
		return "", err
	}
	stored, _, err := w.local.List(ctx, "", 0)
	if err != nil {
		return "", err
	}
	ours := map[string]*events.Event{}
	for i := range stored {
		ours[stored[i].Name] = plain(&stored[i])
	}
	hosts := map[string]*events.Event{}
	for key, event := range w.host.snapshot() {
		hosts[key.Name] = plain(event)
		if own := ours[key.Name]; own != nil && own.Host.UID != "" {
			// Clients know it here under the identity that it had before.
			own.UID, own.Host.UID, own.CreationTimestamp = own.Host.UID, "", event.CreationTimestamp
		}
	}
	if diff := cmp.Diff(hosts, ours); diff != "" {
		return fmt.Sprintf("%d records in the outbox, (-host +ours)\n%s", waiting, diff), nil
	}
	if waiting > 0 {
		return fmt.Sprintf("%d records in the outbox", waiting), nil
	}
	return "", nil
}

func plain(event *events.Event) *events.Event {
	event = event.DeepCopy()
	event.ResourceVersion, event.ManagedFields = "", nil
	event.Host.WrittenAt = 0
	return event
}

func (w *world) mustGet(t *testing.T, name string) *events.Event {
	t.Helper()
	event, err := w.local.Get(t.Context(), hostevents.Key{Namespace: modelNamespace, Name: name})
	if err != nil || event == nil {
		t.Fatalf("reading %s: %v, %v", name, event, err)
	}
	return event
}

func (w *world) mustCreate(t *testing.T, r *replica, name string) {
	t.Helper()
	if err := r.storage.Create(t.Context(), w.path(name), modelEvent(name, "a note"), &events.Event{}, modelLife); err != nil {
		t.Fatal(err)
	}
}

func (w *world) mustDelete(t *testing.T, r *replica, name string) {
	t.Helper()
	err := r.storage.Delete(t.Context(), w.path(name), &events.Event{}, nil, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"testing"

	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// A webhook of the host may be broken for some events, which the host answers with
// 500. They hold up none of the others, however many and wherever in the queue
// they are, and are made when the host takes them.
func TestQueue_WhatTheHostFailsAtHoldsUpNothing(t *testing.T) {
	t.Parallel()
	const bad = 20 // more than are tried at once
	w := newWorld(t, hostevents.ModeAsync)
	w.host.fails = func(key hostevents.Key) error {
		if strings.HasPrefix(key.Name, "bad-") {
			return apierrors.NewInternalError(errors.New("failed calling webhook"))
		}
		return nil
	}
	r := w.replicas[0]
	names := []string{"a-good", "z-good"}
	for n := range bad {
		names = append(names, fmt.Sprintf("bad-%02d", n))
	}
	for _, name := range names {
		if err := r.storage.Create(t.Context(), w.path(name), modelEvent(name, "a note"), &events.Event{}, modelLife); err != nil {
			t.Fatal(err)
		}
	}
	r.leads()
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, modelTimeout, true, func(context.Context) (bool, error) {
		return len(w.host.snapshot()) == 2, nil
	})
	if err != nil {
		t.Errorf("the host has %d events, want the 2 that it takes: %v", len(w.host.snapshot()), err)
	}
	waiting := 0
	err = wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, modelTimeout, true, func(context.Context) (bool, error) {
		waiting = r.bridge.Status().Queue
		return waiting == bad, nil
	})
	if err != nil {
		t.Errorf("%d events are reported to wait, want %d: %v", waiting, bad, err)
	}
	w.host.mutex.Lock()
	w.host.fails = nil
	w.host.mutex.Unlock()
	w.waitEqual(t)
}

// A replica puts the record before it stores the event. The leader, which may see
// the record in between, keeps it.
func TestQueue_KeepsARecordWhoseEventIsNotStoredYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hostevents.ModeAsync, hostevents.ModeAsync)
	leader := w.replicas[0]
	leader.leads()
	key := hostevents.Key{Namespace: modelNamespace, Name: "a"}
	if err := w.outbox.Put(t.Context(), key, time.Hour, func(*hostevents.Record) {}); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, modelTimeout, true, func(context.Context) (bool, error) {
		return leader.bridge.Status().Queue == 1, nil
	})
	if err != nil {
		t.Fatalf("the leader has not seen the record: %v", err)
	}
	event := modelEvent("a", "a note")
	event.Host.Pending = true
	if err := w.store.Create(t.Context(), w.path("a"), event, &events.Event{}, modelLife); err != nil {
		t.Fatal(err)
	}
	w.waitEqual(t)
	if n := len(w.host.snapshot()); n != 1 {
		t.Errorf("the host has %d events", n)
	}
}

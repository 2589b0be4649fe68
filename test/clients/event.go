// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// newEvent is the event of the manifest that kubectl gets, without its label.
func newEvent(namespace, name string) *eventsv1.Event {
	return &eventsv1.Event{
		TypeMeta:            metav1.TypeMeta{APIVersion: "events.k8s.io/v1", Kind: "Event"},
		ObjectMeta:          metav1.ObjectMeta{Name: name, Namespace: namespace},
		EventTime:           metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC).Local()),
		ReportingController: "example.com/controller",
		ReportingInstance:   "controller-1",
		Action:              "Start",
		Reason:              "Started",
		Type:                corev1.EventTypeNormal,
		Note:                name + " runs",
		Regarding:           corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "pod-" + name, UID: types.UID("uid-" + name)},
	}
}

// create writes an event with client-go.
func (s *suite) create(t *testing.T, namespace, name string) *eventsv1.Event {
	t.Helper()
	created, err := s.Admin.EventsV1().Events(namespace).Create(t.Context(), newEvent(namespace, name), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return created
}

// waitEvents waits until exactly n events match the field selector and all of
// them pass the check, and returns them.
func (s *suite) waitEvents(t *testing.T, namespace, selector string, n int, check func(*eventsv1.Event) error) []eventsv1.Event {
	t.Helper()
	var items []eventsv1.Event
	clustertest.Eventually(t, fmt.Sprintf("%d events with %s", n, selector), func(ctx context.Context) error {
		list, err := s.Admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil {
			return err
		}
		if items = list.Items; len(items) != n {
			return fmt.Errorf("there are %d", len(items))
		}
		for i := range items {
			if err := check(&items[i]); err != nil {
				return fmt.Errorf("%s: %w", items[i].Name, err)
			}
		}
		return nil
	})
	return items
}

// single is a check of an event that was reported once.
func single(event *eventsv1.Event) error {
	if event.Series != nil {
		return fmt.Errorf("it has a series: %+v", event.Series)
	}
	return nil
}

// counted is a check of an event that was reported n times.
func counted(n int32) func(*eventsv1.Event) error {
	return func(event *eventsv1.Event) error {
		if event.Series == nil || event.Series.Count != n {
			return fmt.Errorf("its series is %+v, want a count of %d", event.Series, n)
		}
		return nil
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"fmt"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	hubcorev1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
	hubv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
)

// compareContents compares all but the identity.
func compareContents(host *corev1.Event, ours *eventsv1.Event) error {
	ours = ours.DeepCopy()
	ours.UID, ours.CreationTimestamp = host.UID, host.CreationTimestamp
	return compareEvents(host, ours)
}

// compareEvents returns an error unless both are the same event in the same
// state. Resource versions and managed fields belong to each view alone.
func compareEvents(host *corev1.Event, ours *eventsv1.Event) error {
	a, b := &events.Event{}, &events.Event{}
	if err := hubcorev1.Convert_v1_Event_To_events_Event(host.DeepCopy(), a, nil); err != nil {
		return err
	}
	if err := hubv1.Convert_v1_Event_To_events_Event(ours.DeepCopy(), b, nil); err != nil {
		return err
	}
	for _, each := range []*events.Event{a, b} {
		each.ResourceVersion, each.ManagedFields = "", nil
	}
	if diff := cmp.Diff(a, b); diff != "" {
		return fmt.Errorf("(-core/v1 +events.k8s.io/v1):\n%s", diff)
	}
	return nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	applyeventsv1 "k8s.io/client-go/applyconfigurations/events/v1"
)

// testApplyConfigurations takes the way of a controller: apply, get, extract
// what is its own, change that, apply again.
func testApplyConfigurations(t *testing.T, s *suite) {
	const owner = "owner"
	namespace := s.MakeNamespace(t, "apply")
	events := s.Admin.EventsV1().Events(namespace)
	apply := func(configuration *applyeventsv1.EventApplyConfiguration) *applyeventsv1.EventApplyConfiguration {
		t.Helper()
		if _, err := events.Apply(t.Context(), configuration, metav1.ApplyOptions{FieldManager: owner}); err != nil {
			t.Fatalf("applying: %v", err)
		}
		stored, err := events.Get(t.Context(), "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		extracted, err := applyeventsv1.ExtractEvent(stored, owner)
		if err != nil {
			t.Fatalf("extracting: %v", err)
		}
		if diff := cmp.Diff(configuration, extracted); diff != "" {
			t.Errorf("applied (-) and extracted (+):\n%s", diff)
		}
		return extracted
	}

	extracted := apply(newConfiguration(namespace))

	other := []byte(`{"metadata":{"labels":{"other":"yes"}}}`)
	if _, err := events.Patch(t.Context(), "a", types.MergePatchType, other, metav1.PatchOptions{FieldManager: "other"}); err != nil {
		t.Fatal(err)
	}
	// A time in the zone of the extracted one, to compare with it.
	observed := metav1.NewMicroTime(extracted.EventTime.Add(time.Minute))
	extracted = apply(extracted.WithSeries(applyeventsv1.EventSeries().WithCount(2).WithLastObservedTime(observed)))
	delete(extracted.Labels, "b")
	apply(extracted)

	stored, err := events.Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// What is no longer applied goes, what is another's stays.
	if diff := cmp.Diff(map[string]string{"a": "1", "other": "yes"}, stored.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if err := counted(2)(stored); err != nil {
		t.Error(err)
	}
	_, err = events.Apply(t.Context(), applyeventsv1.Event("a", namespace).WithLabels(map[string]string{"other": "no"}), metav1.ApplyOptions{FieldManager: owner})
	if !apierrors.IsConflict(err) {
		t.Errorf("applying what is another's: got %v, want Conflict", err)
	}
}

func newConfiguration(namespace string) *applyeventsv1.EventApplyConfiguration {
	return applyeventsv1.Event("a", namespace).
		WithLabels(map[string]string{"a": "1", "b": "2"}).
		WithEventTime(metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC).Local())).
		WithReportingController("example.com/controller").
		WithReportingInstance("controller-1").
		WithAction("Start").
		WithReason("Started").
		WithType(corev1.EventTypeNormal).
		WithNote("it runs").
		WithRegarding(applycorev1.ObjectReference().WithKind("Pod").WithNamespace(namespace).WithName("pod-a")).
		WithRelated(applycorev1.ObjectReference().WithKind("Node").WithName("node-a"))
}

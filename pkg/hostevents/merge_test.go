// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// The host gives an event whose creation waited another uid. Its uid here stays,
// and the owners of its fields; what has the name of another event inherits neither.
func TestMerge_KeepsWhatIsOursOfTheSameEvent(t *testing.T) {
	t.Parallel()
	managed := []metav1.ManagedFieldsEntry{{Manager: "somebody"}}
	stored := &events.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a", UID: "ours", ManagedFields: managed},
		Reason:     "Started", Host: events.HostState{Pending: true},
	}
	made := &events.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a", UID: "the-hosts"},
		Reason:     "Started", Host: events.HostState{Version: 7},
	}
	if got := Merge(stored, made); got.UID != stored.UID || got.Host.UID != made.UID || got.Host.Pending || len(got.ManagedFields) != 1 {
		t.Errorf("the event that waited became %+v", got)
	}
	other := made.DeepCopy()
	other.Reason = "Other"
	if got := Merge(stored, other); got.UID != made.UID || got.Host.UID != "" || len(got.ManagedFields) != 0 {
		t.Errorf("another event became %+v", got)
	}
}

func TestFingerprint_TellsEventsApart(t *testing.T) {
	t.Parallel()
	base := func() *events.Event {
		return &events.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a", UID: "1"},
			EventTime:  metav1.NewMicroTime(time.Unix(1000, 5000)), Reason: "Started", Note: "text",
			Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p"},
		}
	}
	same := base()
	same.UID, same.Labels, same.Series = "2", map[string]string{"a": "b"}, &events.EventSeries{Count: 2}
	same.EventTime = metav1.NewMicroTime(time.Unix(1000, 5999))
	if fingerprint(base()) != fingerprint(same) {
		t.Error("what may change about an event changes its fingerprint")
	}
	for name, change := range map[string]func(*events.Event){
		"time":      func(e *events.Event) { e.EventTime = metav1.NewMicroTime(time.Unix(1001, 0)) },
		"reason":    func(e *events.Event) { e.Reason = "Stopped" },
		"note":      func(e *events.Event) { e.Note = "other" },
		"regarding": func(e *events.Event) { e.Regarding.UID = "x" },
		"shifted":   func(e *events.Event) { e.Reason, e.Action = "", e.Reason },
	} {
		other := base()
		change(other)
		if fingerprint(base()) == fingerprint(other) {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

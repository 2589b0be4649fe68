// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// The host gives an event whose creation waited another uid. Its uid here stays,
// and who owns its fields; what has the name of another event inherits neither.
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

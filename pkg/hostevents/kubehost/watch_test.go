// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

func TestChangeOf_KnowsWhatIsMostLikelyNotStored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind    watch.EventType
		manager string
		want    bool
	}{
		"made by another client": {watch.Added, "kubelet", true},
		"made by the mirror":     {watch.Added, fieldManager, false},
		"changed":                {watch.Modified, "kubelet", false},
		"deleted":                {watch.Deleted, "kubelet", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := &corev1.Event{ObjectMeta: metav1.ObjectMeta{
				Namespace: "n", Name: "a", ResourceVersion: "7", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: test.manager}},
			}}
			change, err := changeOf(watch.Event{Type: test.kind, Object: event})
			if err != nil {
				t.Fatal(err)
			}
			if change.LikelyNew != test.want {
				t.Errorf("unknown is %t, want %t", change.LikelyNew, test.want)
			}
		})
	}
}

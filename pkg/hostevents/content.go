// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// SameContent tells whether two states of an event differ in nothing that both
// views show: neither in what the event says nor in its labels and the like.
func SameContent(a, b *events.Event) bool { return sameContent(a, b) }

func sameContent(a, b *events.Event) bool {
	return equality.Semantic.DeepEqual(contentOf(a), contentOf(b))
}

// contentOf is the event without what each view has of its own.
func contentOf(event *events.Event) *events.Event {
	content := *event
	content.TypeMeta = metav1.TypeMeta{}
	content.UID, content.ResourceVersion, content.CreationTimestamp = "", "", metav1.Time{}
	content.ManagedFields, content.Generation = nil, 0
	content.Host = events.HostState{}
	return &content
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// eventsIdentity is one for the events of both groups.
const eventsIdentity = "events"

// equivalentEvents makes admission take core/v1 events and those of our group for
// the same resource, as kube-apiserver does, which stores both under one prefix. A
// policy or webhook for either, with matchPolicy Equivalent, is then asked about a
// write here, with the user who makes it: in the host it would be asked about our
// account (ADR 20).
func equivalentEvents() runtime.EquivalentResourceRegistry {
	registry := runtime.NewEquivalentResourceRegistryWithIdentity(func(resource schema.GroupResource) string {
		switch resource {
		case events.Resource("events"), corev1.Resource("events"):
			return eventsIdentity
		}
		return "" // the name of the resource
	})
	// Ours is registered when the group is installed. Core/v1 is not served.
	registry.RegisterKindFor(corev1.SchemeGroupVersion.WithResource("events"), "", corev1.SchemeGroupVersion.WithKind("Event"))
	return registry
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group that this server serves.
const GroupName = "events.k8s.io"

// SchemeGroupVersion returns the group and the internal version under which
// the hub types are registered.
func SchemeGroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: GroupName, Version: runtime.APIVersionInternal}
}

// Resource qualifies a resource name with the group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion().WithResource(resource).GroupResource()
}

// AddToScheme registers the hub types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion(), &Event{}, &EventList{})
	return nil
}

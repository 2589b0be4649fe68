// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// localSchemeBuilder collects the registrations of generated files, which expect this name.
// It is not that of k8s.io/api, so that importing this package does not affect other users
// of those types.
var localSchemeBuilder runtime.SchemeBuilder

// SchemeGroupVersion returns the group and version this package converts.
func SchemeGroupVersion() schema.GroupVersion {
	return eventsv1.SchemeGroupVersion
}

// AddToScheme registers the versioned types, their conversions to and from the
// hub, their defaults and the field labels that selectors may use.
func AddToScheme(scheme *runtime.Scheme) error {
	builder := runtime.NewSchemeBuilder(eventsv1.AddToScheme)
	builder.Register(localSchemeBuilder...)
	builder.Register(RegisterDefaults, addFieldLabelConversions)
	return builder.AddToScheme(scheme)
}

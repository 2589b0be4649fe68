// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package corev1

import (
	upstreamcorev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// localSchemeBuilder collects the registrations of generated files, which expect this name.
var localSchemeBuilder runtime.SchemeBuilder

// SchemeGroupVersion returns the group and version this package converts.
func SchemeGroupVersion() schema.GroupVersion {
	return upstreamcorev1.SchemeGroupVersion
}

// AddToScheme registers the kinds and their conversions. The core group is not served, but
// clients send its events, and the error for a known kind names the expected version.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion(), &upstreamcorev1.Event{}, &upstreamcorev1.EventList{})
	return localSchemeBuilder.AddToScheme(scheme)
}

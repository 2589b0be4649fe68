// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package corev1

import (
	upstreamcorev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// localSchemeBuilder collects what the generated files register; its name is
// fixed by the generators.
var localSchemeBuilder runtime.SchemeBuilder

// SchemeGroupVersion returns the group and version this package converts.
func SchemeGroupVersion() schema.GroupVersion {
	return upstreamcorev1.SchemeGroupVersion
}

// AddToScheme registers the kinds and their conversions. The core group is not
// served; but clients send its events here, and knowing them the server can
// tell which version it expects.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion(), &upstreamcorev1.Event{}, &upstreamcorev1.EventList{})
	return localSchemeBuilder.AddToScheme(scheme)
}

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

// AddConversionsToScheme registers the conversions alone. The kinds stay
// unregistered because this server never serves the core group.
func AddConversionsToScheme(scheme *runtime.Scheme) error {
	return localSchemeBuilder.AddToScheme(scheme)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	eventsv1beta1 "k8s.io/api/events/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
)

// localSchemeBuilder collects the registrations of generated files, which expect this name.
var localSchemeBuilder runtime.SchemeBuilder

// AddToScheme registers the versioned types and their conversions.
func AddToScheme(scheme *runtime.Scheme) error {
	builder := runtime.NewSchemeBuilder(eventsv1beta1.AddToScheme)
	builder.Register(localSchemeBuilder...)
	return builder.AddToScheme(scheme)
}

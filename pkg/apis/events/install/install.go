// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
	eventsv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
	eventsv1beta1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1beta1"
)

// Install registers the hub types, events.k8s.io/v1, which is served and stored, and the
// two other APIs of events, which are only converted.
func Install(scheme *runtime.Scheme) error {
	builder := runtime.NewSchemeBuilder(events.AddToScheme, eventsv1.AddToScheme, eventsv1beta1.AddToScheme, corev1.AddToScheme)
	if err := builder.AddToScheme(scheme); err != nil {
		return fmt.Errorf("registering %s: %w", events.GroupName, err)
	}
	if err := scheme.SetVersionPriority(eventsv1.SchemeGroupVersion()); err != nil {
		return fmt.Errorf("ordering the versions of %s: %w", events.GroupName, err)
	}
	return nil
}

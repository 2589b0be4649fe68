// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"testing"

	upstreamcorev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/fuzzer"
)

// The helper fills each type at random, sends it through JSON and protobuf of
// every version and compares. It prints its seed when it fails.
func TestRoundTrip_EveryTypeThroughEventsV1(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := Install(scheme); err != nil {
		t.Fatal(err)
	}
	roundtrip.RoundTripTestForScheme(t, scheme, fuzzer.Funcs)
}

// core/v1 is not served, so its kinds are registered for this test alone, with
// the hub as the internal version of their group.
func TestRoundTrip_EveryTypeThroughCoreV1(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion(), &upstreamcorev1.Event{}, &upstreamcorev1.EventList{})
	internal := corev1.SchemeGroupVersion()
	internal.Version = runtime.APIVersionInternal
	scheme.AddKnownTypes(internal, &events.Event{}, &events.EventList{})
	if err := corev1.AddConversionsToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	roundtrip.RoundTripTestForScheme(t, scheme, fuzzer.Funcs)
}

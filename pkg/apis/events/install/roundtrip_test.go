// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/fuzzer"
)

// The helper fills each type at random, sends it through JSON and protobuf of
// every version and compares. It prints its seed when it fails.
func TestRoundTrip_EveryTypeThroughEventsVersions(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := Install(scheme); err != nil {
		t.Fatal(err)
	}
	roundtrip.RoundTripTestForScheme(t, scheme, fuzzer.Funcs)
}

// For the helper the hub must be the internal version of core/v1's group, too.
func TestRoundTrip_EveryTypeThroughCoreV1(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	internal := corev1.SchemeGroupVersion()
	internal.Version = runtime.APIVersionInternal
	scheme.AddKnownTypes(internal, &events.Event{}, &events.EventList{})
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	roundtrip.RoundTripTestForScheme(t, scheme, fuzzer.Funcs)
}

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

// The round trip encodes each type, filled at random, as JSON and protobuf of every version,
// and compares what it decodes. It logs its seed when it fails.
func TestRoundTrip_EveryTypeThroughEventsVersions(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := Install(scheme); err != nil {
		t.Fatal(err)
	}
	roundtrip.RoundTripTestForScheme(t, scheme, fuzzer.Funcs)
}

// The round trip needs the hub type as the internal version of the core group, too.
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

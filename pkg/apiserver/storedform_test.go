// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

func storageCodec(t *testing.T) (*API, runtime.Codec) {
	t.Helper()
	api, err := NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	codec, err := api.StorageCodec()
	if err != nil {
		t.Fatal(err)
	}
	return api, codec
}

func TestStorageCodec_KeepsTheStateInTheHost(t *testing.T) {
	t.Parallel()
	_, codec := storageCodec(t)
	tests := map[string]struct {
		host        events.HostState
		annotations map[string]string
	}{
		"not known to the host":    {},
		"known":                    {host: events.HostState{Version: 1<<63 + 5, WrittenAt: 1_800_000_000}},
		"not there yet":            {host: events.HostState{Pending: true}},
		"newer than there":         {host: events.HostState{Version: 7, Pending: true}},
		"with annotations":         {host: events.HostState{Version: 7}, annotations: map[string]string{"a": "b"}},
		"annotations without host": {annotations: map[string]string{"a": "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := &events.Event{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: test.annotations}, Note: "text", Host: test.host}
			before := event.DeepCopy()
			data, err := runtime.Encode(codec, event)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, event); diff != "" {
				t.Errorf("encoding changed the event:\n%s", diff)
			}
			// Read into an event that was used before, as stores do.
			got := &events.Event{Host: events.HostState{Version: 99, Pending: true}}
			if _, _, err := codec.Decode(data, nil, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("(-stored +read):\n%s", diff)
			}
		})
	}
}

// A client knows the annotation from the source; what it sends must have no effect.
func TestStorageCodec_ClientsCannotForgeTheState(t *testing.T) {
	t.Parallel()
	api, codec := storageCodec(t)
	sent := &eventsv1.Event{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{hostStateAnnotation: "18446744073709551615@0"}}}
	event := &events.Event{}
	if err := api.Scheme.Convert(sent, event, nil); err != nil {
		t.Fatal(err)
	}
	data, err := runtime.Encode(codec, event)
	if err != nil {
		t.Fatal(err)
	}
	got := &events.Event{}
	if _, _, err := codec.Decode(data, nil, got); err != nil {
		t.Fatal(err)
	}
	if got.Host != (events.HostState{}) || got.Annotations != nil {
		t.Errorf("stored with the state %+v and the annotations %v", got.Host, got.Annotations)
	}
}

func TestStorageCodec_RefusesAStateThatIsNone(t *testing.T) {
	t.Parallel()
	_, codec := storageCodec(t)
	for _, text := range []string{"", "x", "1", "-1@0", "1@", "@1", "1@0+1", "++", "18446744073709551616@0"} {
		inner := codec.(storedForm).Codec
		data, err := runtime.Encode(inner, &events.Event{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{hostStateAnnotation: text}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := codec.Decode(data, nil, &events.Event{}); err == nil || !strings.Contains(err.Error(), hostStateAnnotation) {
			t.Errorf("%q: got %v, want an error that names the annotation", text, err)
		}
	}
}

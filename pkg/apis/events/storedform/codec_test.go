// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storedform

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/randfill"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	eventsfuzzer "github.com/events-apiserver/events-apiserver/pkg/apis/events/fuzzer"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/install"
)

func newCodec(t *testing.T) (*runtime.Scheme, Codec) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := install.Install(scheme); err != nil {
		t.Fatal(err)
	}
	codec, err := New(serializer.NewCodecFactory(scheme))
	if err != nil {
		t.Fatal(err)
	}
	return scheme, codec
}

func TestCodec_KeepsTheStateInTheHost(t *testing.T) {
	t.Parallel()
	_, codec := newCodec(t)
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
			var again bytes.Buffer
			if err := codec.EncodeWithAllocator(event, &again, &runtime.SimpleAllocator{}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, again.Bytes()) {
				t.Errorf("with an allocator: %q, want %q", again.Bytes(), data)
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

// What CopyInto gives must be what a client would read afterwards, in every
// field and in every form that is sent to clients. However an event is encoded, the
// bytes must be the same.
func TestCodec_CopyIntoIsWhatDecodeReads(t *testing.T) {
	t.Parallel()
	scheme, codec := newCodec(t)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	filler := fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, eventsfuzzer.Funcs, storedFuncs), rand.NewSource(seed), serializer.NewCodecFactory(scheme))
	for range 2000 {
		event := &events.Event{}
		filler.Fill(event)
		data, err := runtime.Encode(codec, event)
		if err != nil {
			t.Fatal(err)
		}
		var direct bytes.Buffer
		if err := codec.EncodeWithAllocator(event, &direct, &runtime.Allocator{}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(direct.Bytes(), data) {
			t.Fatalf("with an allocator:\n%q, want\n%q", direct.Bytes(), data)
		}
		read, copied := &events.Event{}, &events.Event{Note: "used before", Host: events.HostState{Version: 99}}
		if _, _, err := codec.Decode(data, nil, read); err != nil {
			t.Fatal(err)
		}
		if !codec.CopyInto(event, copied) {
			t.Fatal("not copied")
		}
		if diff := cmp.Diff(read, copied, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-read +copied):\n%s", diff)
		}
	}
}

// storedFuncs fill in what the other functions keep simple: times of any
// precision, the state in the host, and an annotation that no client may send.
func storedFuncs(serializer.CodecFactory) []any {
	return []any{
		func(event *events.Event, c randfill.Continue) {
			c.FillNoCustom(event)
			event.TypeMeta = metav1.TypeMeta{Kind: "Event"}
			if c.Bool() {
				event.Annotations = map[string]string{hostStateAnnotation: "1@1"}
			}
			if c.Bool() {
				event.Annotations = map[string]string{hostUIDAnnotation: "a-uid"}
			}
		},
		func(t *metav1.Time, c randfill.Continue) { t.Time = time.Unix(c.Int63n(1<<33), c.Int63n(1e9)) },
		func(t *metav1.MicroTime, c randfill.Continue) { t.Time = time.Unix(c.Int63n(1<<33), c.Int63n(1e9)) },
	}
}

func TestCodec_CopyIntoRefusesOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string][2]runtime.Object{
		"from": {&events.EventList{}, &events.Event{}},
		"to":   {&events.Event{}, &events.EventList{}},
	} {
		if (Codec{}).CopyInto(test[0], test[1]) {
			t.Errorf("copied although %s is not an event", name)
		}
	}
}

// A client knows the annotation from the source; what it sends must have no effect.
func TestCodec_ClientsCannotForgeTheState(t *testing.T) {
	t.Parallel()
	scheme, codec := newCodec(t)
	sent := &eventsv1.Event{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{
		hostStateAnnotation: "18446744073709551615@0", hostUIDAnnotation: "a-uid",
	}}}
	event := &events.Event{}
	if err := scheme.Convert(sent, event, nil); err != nil {
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

func TestCodec_RefusesAStateThatIsNone(t *testing.T) {
	t.Parallel()
	_, codec := newCodec(t)
	for _, text := range []string{"", "x", "1", "-1@0", "1@", "@1", "1@0+1", "++", "18446744073709551616@0"} {
		inner := codec.Codec
		data, err := runtime.Encode(inner, &events.Event{ObjectMeta: metav1.ObjectMeta{Name: "n", Annotations: map[string]string{hostStateAnnotation: text}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := codec.Decode(data, nil, &events.Event{}); err == nil || !strings.Contains(err.Error(), hostStateAnnotation) {
			t.Errorf("%q: got %v, want an error that names the annotation", text, err)
		}
	}
}

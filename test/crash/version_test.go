// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

func someEvent() *eventsv1.Event {
	event := newEvent(newRandom(1, 1), key{"team", "one"}, "w00")
	alter(newRandom(1, 2), event, "w00-000001")
	observe(event)
	event.ResourceVersion, event.UID = "7", "uid-1"
	event.CreationTimestamp = metav1.NewTime(time.Now().Truncate(time.Second))
	event.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x", FieldsV1: metav1.NewFieldsV1(`{"f:note":{}}`)}}
	return event
}

func versionIn(t *testing.T, event *eventsv1.Event) version {
	t.Helper()
	v, err := versionOf(event)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Each change must, or must not, show in the digests.
func TestVersionOf(t *testing.T) {
	t.Parallel()
	original := versionIn(t, someEvent())
	if original.revision != 7 || original.op != "w00-000001" || original.attrs.namespace != "team" || original.key.name != "one" {
		t.Errorf("read %+v", original)
	}
	for name, test := range map[string]struct {
		edit        func(*eventsv1.Event)
		whole, body bool
	}{
		"nothing":          {func(*eventsv1.Event) {}, false, false},
		"the revision":     {func(e *eventsv1.Event) { e.ResourceVersion = "8" }, false, false},
		"the kind":         {func(e *eventsv1.Event) { e.Kind = "Event" }, false, false},
		"the uid":          {func(e *eventsv1.Event) { e.UID = "uid-2" }, true, false},
		"the creation":     {func(e *eventsv1.Event) { e.CreationTimestamp = metav1.Now() }, true, false},
		"a managed field":  {func(e *eventsv1.Event) { e.ManagedFields[0].Manager = "y" }, true, false},
		"a label":          {func(e *eventsv1.Event) { e.Labels["x"] = "y" }, true, true},
		"an annotation":    {func(e *eventsv1.Event) { e.Annotations[padAnnotation] += "x" }, true, true},
		"the note":         {func(e *eventsv1.Event) { e.Note += "x" }, true, true},
		"the series":       {func(e *eventsv1.Event) { e.Series.Count++ }, true, true},
		"no series":        {func(e *eventsv1.Event) { e.Series = nil }, true, true},
		"a microsecond":    {func(e *eventsv1.Event) { e.EventTime.Time = e.EventTime.Add(time.Microsecond) }, true, true},
		"the regarding":    {func(e *eventsv1.Event) { e.Regarding.FieldPath = "x" }, true, true},
		"another timezone": {func(e *eventsv1.Event) { e.EventTime.Time = e.EventTime.In(time.FixedZone("x", 3600)) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edited := someEvent()
			edited.EventTime, edited.CreationTimestamp, edited.Series.LastObservedTime = metav1.MicroTime{}, metav1.Time{}, metav1.MicroTime{}
			before := versionIn(t, edited)
			test.edit(edited)
			after := versionIn(t, edited)
			if (before.whole != after.whole) != test.whole || (before.body != after.body) != test.body {
				t.Errorf("the digests differ: whole %v, body %v; want %v, %v", before.whole != after.whole, before.body != after.body, test.whole, test.body)
			}
		})
	}
	without := someEvent()
	without.ResourceVersion = ""
	if _, err := versionOf(without); err == nil {
		t.Error("an event without a revision was accepted")
	}
}

// An event is the same in both encodings.
func TestVersionOf_Encodings(t *testing.T) {
	t.Parallel()
	event := someEvent()
	event.APIVersion, event.Kind = "events.k8s.io/v1", "Event"
	want := versionIn(t, event)
	for _, mediaType := range []string{runtime.ContentTypeJSON, runtime.ContentTypeProtobuf} {
		info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
		if !ok {
			t.Fatalf("no serializer for %s", mediaType)
		}
		data, err := runtime.Encode(info.Serializer, event)
		if err != nil {
			t.Fatal(err)
		}
		decoded := &eventsv1.Event{}
		if err := runtime.DecodeInto(info.Serializer, data, decoded); err != nil {
			t.Fatal(err)
		}
		if got := versionIn(t, decoded); got != want {
			t.Errorf("%s: got %+v, want %+v", mediaType, got, want)
		}
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	attrs := versionIn(t, someEvent()).attrs
	for name, test := range map[string]struct {
		selection selection
		want      bool
		fields    string
		labels    string
	}{
		"everything":        {selection{}, true, "", ""},
		"the namespace":     {selection{namespace: "team"}, true, "", ""},
		"another namespace": {selection{namespace: "other"}, false, "", ""},
		"the kind":          {selection{field: "regarding.kind", value: attrs.fields[4]}, true, "regarding.kind=" + attrs.fields[4], ""},
		"another kind":      {selection{field: "regarding.kind", value: "x"}, false, "regarding.kind=x", ""},
		"the phase":         {selection{phase: attrs.phase}, true, "", "phase=" + attrs.phase},
		"another phase":     {selection{phase: "z"}, false, "", "phase=z"},
		"one of two":        {selection{field: "reason", value: attrs.fields[2], phase: "z"}, false, "reason=" + attrs.fields[2], "phase=z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.selection.matches(&attrs); got != test.want {
				t.Errorf("%s matches: %v, want %v", test.selection, got, test.want)
			}
			if options := test.selection.options(); options.FieldSelector != test.fields || options.LabelSelector != test.labels {
				t.Errorf("asks for %q and %q, want %q and %q", options.FieldSelector, options.LabelSelector, test.fields, test.labels)
			}
		})
	}
}

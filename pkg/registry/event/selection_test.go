// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/install"
	ourv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
)

func sampleEvent() *events.Event {
	return &events.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: "e", Namespace: "ns", Labels: map[string]string{"team": "a"}},
		Reason:              "Because",
		Type:                "Normal",
		ReportingController: "example.com/c",
		ReportingInstance:   "c-1",
		Action:              "Start",
		Related:             &corev1.ObjectReference{Kind: "Node", Namespace: "other", Name: "n", UID: "v"},
		Regarding: corev1.ObjectReference{
			Kind: "Pod", Namespace: "ns", Name: "p", UID: "u", APIVersion: "v1", ResourceVersion: "7", FieldPath: "spec.containers{c}",
		},
	}
}

// A label that the scheme accepts, but that selectableFields lacks, would match nothing.
func TestSelectableFields_AreThoseTheSchemeAccepts(t *testing.T) {
	t.Parallel()
	have := sets.New[string]()
	for label, value := range selectableFields(sampleEvent()) {
		have.Insert(label)
		if value == "" {
			t.Errorf("the sample has no value for %q: set one, so that this test covers it", label)
		}
	}
	if diff := cmp.Diff(sets.List(ourv1.SelectableFields()), sets.List(have)); diff != "" {
		t.Errorf("labels accepted by the scheme (-) and known here (+) differ:\n%s", diff)
	}
}

func TestFieldLabels(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := install.Install(scheme); err != nil {
		t.Fatal(err)
	}
	kind := eventsv1.SchemeGroupVersion.WithKind("Event")
	for label := range ourv1.SelectableFields() {
		if got, _, err := scheme.ConvertFieldLabel(kind, label, "v"); err != nil || got != label {
			t.Errorf("%s: got %q, %v", label, got, err)
		}
	}
	for _, label := range []string{"", "note", "involvedObject.name", "source", "reportingComponent", "metadata.uid"} {
		_, _, err := scheme.ConvertFieldLabel(kind, label, "v")
		if want := "field label not supported: " + label; err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %q", label, err, want)
		}
	}
}

func TestMatcher(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		labels, fields string
		want           bool
	}{
		"everything":              {"", "", true},
		"uid":                     {"", "regarding.uid=u", true},
		"other uid":               {"", "regarding.uid=v", false},
		"not other uid":           {"", "regarding.uid!=v", true},
		"several fields":          {"", "regarding.kind==Pod,reason=Because,type=Normal", true},
		"one of several differs":  {"", "regarding.kind=Pod,type=Warning", false},
		"name and namespace":      {"", "metadata.name=e,metadata.namespace=ns", true},
		"related":                 {"", "related.kind=Node,related.name=n,related.namespace=other,related.uid=v", true},
		"other related":           {"", "related.uid=u", false},
		"action and instance":     {"", "action=Start,reportingInstance=c-1", true},
		"label":                   {"team=a", "", true},
		"other label":             {"team=b", "", false},
		"label and field":         {"team=a", "reportingController=example.com/c", true},
		"field path and versions": {"", "regarding.fieldPath=spec.containers{c},regarding.apiVersion=v1,regarding.resourceVersion=7", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			label, err := labels.Parse(test.labels)
			if err != nil {
				t.Fatal(err)
			}
			predicate := matcher(label, fields.ParseSelectorOrDie(test.fields))
			got, err := predicate.Matches(sampleEvent())
			if err != nil || got != test.want {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

// The watch cache uses the first index whose field the selector pins.
func TestMatcher_UsesTheMostSelectiveIndex(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"type=Normal,regarding.uid=u":              "regarding.uid",
		"reason=Because,regarding.name=p":          "regarding.name",
		"type=Normal,reason=Because":               "reason",
		"type=Normal,reportingController=example":  "reportingController",
		"type=Normal,regarding.kind=Pod":           "regarding.kind",
		"type=Normal":                              "type",
		"reason!=Because,reportingController=here": "reportingController",
	}
	available := *indexers()
	for selector, want := range tests {
		predicate := matcher(labels.Everything(), fields.ParseSelectorOrDie(selector))
		indexes := predicate.MatcherIndex(t.Context())
		if len(indexes) == 0 || indexes[0].IndexName != storage.FieldIndex(want) {
			t.Errorf("%s: got %v, want the index of %s first", selector, indexes, want)
			continue
		}
		values, err := available[indexes[0].IndexName](sampleEvent())
		if err != nil || len(values) != 1 || values[0] != selectableFields(sampleEvent())[want] {
			t.Errorf("the index of %s holds %v, %v", want, values, err)
		}
	}
}

// An event without a related object has empty values, which a selector can match.
func TestMatcher_WithoutRelated(t *testing.T) {
	t.Parallel()
	event := sampleEvent()
	event.Related = nil
	for selector, want := range map[string]bool{"related.uid=": true, "related.kind=Node": false, "related.kind!=Node": true} {
		predicate := matcher(labels.Everything(), fields.ParseSelectorOrDie(selector))
		if got, err := predicate.Matches(event); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", selector, got, err, want)
		}
	}
}

func TestSelection_RejectsOtherTypes(t *testing.T) {
	t.Parallel()
	other := &metav1.Status{}
	if _, _, err := getAttrs(other); err == nil {
		t.Error("getAttrs accepted a Status")
	}
	for name, index := range *indexers() {
		if _, err := index(other); err == nil {
			t.Errorf("the index %s accepted a Status", name)
		}
	}
}

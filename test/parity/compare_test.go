// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestCompareTrees(t *testing.T) {
	t.Parallel()
	a := parse(t, `{"same":[1,{"x":null}],"value":1,"gone":2,"list":[1,2],"short":[1]}`)
	b := parse(t, `{"same":[1,{"x":null}],"value":"1","new":null,"list":[1,3],"short":[]}`)
	var got []string
	for _, d := range compareTrees("", a, b) {
		got = append(got, d.place+" "+d.builtIn+" "+d.ours)
	}
	want := []string{"gone 2 <nothing>", "list.1 2 3", "new <nothing> null", "short [1] []", `value 1 "1"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

func testWanted(t *testing.T) *wanted {
	t.Helper()
	w, err := loadWanted(fstest.MapFS{differencesFile: {Data: []byte(`
differences:
- id: names
  reason: because
  renameFields: {involvedObject: regarding, message: note}
  structs: [regarding]
- id: header
  reason: because
  allow:
  - {case: one.*, place: headers\.X, builtIn: '"1"', ours: '"2"'}
- id: of one store
  reason: because
  stores: [etcd]
  allow:
  - {step: 'GET .*', place: x, builtIn: '1', ours: '2'}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWanted_AppliesToInvalidEventsOnly(t *testing.T) {
	t.Parallel()
	const invalid = `{"body":{"kind":"Status","reason":"Invalid",
		"message":"Event \"e\" is invalid: [involvedObject: Invalid value: {\"Kind\":\"Pod\",\"Namespace\":\"\"}: field is immutable, message: too long, x.message: no]",
		"details":{"causes":[{"field":"involvedObject","message":"Invalid value: {\"Kind\":\"Pod\",\"Namespace\":\"\"}: field is immutable"},{"field":"message","message":"too long"},{"field":"x.message","message":"no"}]}}}`
	const want = `{"body":{"kind":"Status","reason":"Invalid",
		"message":"Event \"e\" is invalid: [regarding: Invalid value: {\"kind\":\"Pod\"}: field is immutable, note: too long, x.message: no]",
		"details":{"causes":[{"field":"regarding","message":"Invalid value: {\"kind\":\"Pod\"}: field is immutable"},{"field":"note","message":"too long"},{"field":"x.message","message":"no"}]}}}`
	w, tree := testWanted(t), parse(t, invalid)
	w.apply(tree)
	if diff := cmp.Diff(parse(t, want), tree); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	const conflict = `{"body":{"kind":"Status","reason":"Conflict","message":"is invalid: message: x","details":{"causes":[{"field":"message"}]}}}`
	tree = parse(t, conflict)
	w.apply(tree)
	if diff := cmp.Diff(parse(t, conflict), tree); diff != "" {
		t.Errorf("another error was changed (-want +got):\n%s", diff)
	}
}

func TestWanted_Allows(t *testing.T) {
	t.Parallel()
	w := testWanted(t)
	for _, other := range []difference{
		{caseName: "two", place: "headers.X", builtIn: `"1"`, ours: `"2"`},
		{caseName: "one", place: "headers.XY", builtIn: `"1"`, ours: `"2"`},
		{caseName: "one", place: "headers.X", builtIn: `"11"`, ours: `"2"`},
		{caseName: "one", place: "headers.X", builtIn: `"1"`, ours: `"3"`},
	} {
		if w.allows(&other) {
			t.Errorf("%+v is allowed", other)
		}
	}
	if diff := cmp.Diff([]string{"names", "header", "of one store"}, w.stale()); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	if !w.allows(&difference{caseName: "one-x", place: "headers.X", builtIn: `"1"`, ours: `"2"`}) {
		t.Error("a wanted difference is not allowed")
	}
	if diff := cmp.Diff([]string{"names", "of one store"}, w.stale()); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
}

func TestWanted_OfOneStore(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]bool{storeEtcd: true, storeEmbedded: false} {
		w := testWanted(t).of(store)
		if w.allows(&difference{title: "POST /x", place: "x", builtIn: "1", ours: "2"}) {
			t.Errorf("%s: allowed in another step", store)
		}
		if got := w.allows(&difference{title: "GET /x", place: "x", builtIn: "1", ours: "2"}); got != want {
			t.Errorf("%s: allowed is %v, want %v", store, got, want)
		}
		if !w.has("names") || w.has("of one store") != want {
			t.Errorf("%s has the wrong differences: %+v", store, w.Differences)
		}
	}
	_, err := loadWanted(fstest.MapFS{differencesFile: {Data: []byte("differences: [{id: a, reason: b, stores: [memory]}]")}})
	if err == nil || !strings.Contains(err.Error(), `no store "memory"`) {
		t.Errorf("a store that does not exist: %v", err)
	}
}

func TestOpenAPIOfGroup(t *testing.T) {
	t.Parallel()
	document := parse(t, `{"info":{"title":"x"},"paths":{"/apis/events.k8s.io/v1/events":{"$ref":"#/definitions/A"},"/api/v1/pods":{"$ref":"#/definitions/C"}},
		"definitions":{"A":{"$ref":"#/definitions/B","x-kubernetes-group-version-kind":[{"group":"apps"},{"group":"events.k8s.io"}]},"B":{"$ref":"#/definitions/A"},"C":{}}}`)
	want := parse(t, `{"paths":{"/apis/events.k8s.io/v1/events":{"$ref":"#/definitions/A"}},
		"definitions":{"A":{"$ref":"#/definitions/B","x-kubernetes-group-version-kind":[{"group":"events.k8s.io"}]},"B":{"$ref":"#/definitions/A"}}}`)
	if diff := cmp.Diff(want, openAPIOfGroup(document)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

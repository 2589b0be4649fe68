// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func fixedNormal() *normal {
	n := newNormal()
	n.now = func() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC) }
	return n
}

func shown(uid, created string) tree {
	return tree{
		"metadata":         tree{"name": "a", "uid": uid, "creationTimestamp": created, "resourceVersion": "7", "managedFields": []any{tree{"manager": "m"}}},
		"deprecatedSource": tree{}, "series": nil, "note": "x",
	}
}

func TestNormalHidesOnlyWhatClustersChoose(t *testing.T) {
	t.Parallel()
	one, other := fixedNormal(), fixedNormal()
	a := show(one.event(shown("1", "2026-05-06T07:00:00Z"), false))
	b := show(other.event(shown("2", "2026-05-06T07:05:00Z"), false))
	if a != b {
		t.Errorf("equal events are shown as\n%s\nand\n%s", a, b)
	}
	recreated := show(other.event(shown("3", "2026-05-06T07:05:00Z"), false))
	if recreated == b {
		t.Error("an event that was made again under its name is shown as the first")
	}
	old := show(other.event(shown("2", "2026-01-01T00:00:00Z"), false))
	if old == b {
		t.Error("a creation time that a client chose is shown as the present time")
	}
	changed := shown("2", "2026-05-06T07:05:00Z")
	changed["note"] = "y"
	if show(other.event(changed, false)) == b {
		t.Error("another note is not shown")
	}
}

func TestDisagreementOfViews(t *testing.T) {
	t.Parallel()
	event := merge(modern("a", "n"), tree{"metadata": tree{"uid": "1"}})
	if found := disagreement(lists{core: []tree{coreForm(event)}, events: []tree{event}}); found != "" {
		t.Errorf("one event in both views: %s", found)
	}
	for name, change := range map[string]tree{
		"note": {"note": "other"},
		"uid":  {"metadata": tree{"uid": "2"}},
		"name": {"metadata": tree{"name": "b"}},
		"type": {"type": nil},
	} {
		if found := disagreement(lists{core: []tree{coreForm(event)}, events: []tree{merge(event, change)}}); found == "" {
			t.Errorf("views with another %s agree", name)
		}
	}
	if found := disagreement(lists{events: []tree{event}}); !strings.Contains(found, "pod-a") {
		t.Errorf("an event in one view: %q", found)
	}
}

func TestFormOfCore(t *testing.T) {
	t.Parallel()
	operations := []any{tree{"op": "replace", "path": "/note", "value": "x"}, tree{"op": "add", "path": "/regarding/uid", "value": "y"}, tree{"op": "add", "path": "/metadata/labels", "value": tree{}}}
	want := []any{tree{"op": "replace", "path": "/message", "value": "x"}, tree{"op": "add", "path": "/involvedObject/uid", "value": "y"}, tree{"op": "add", "path": "/metadata/labels", "value": tree{}}}
	if got := coreAPI().form(operations); show(got) != show(want) {
		t.Errorf("got %s", show(got))
	}
	if got := eventsAPI().form(operations); show(got) != show(operations) {
		t.Errorf("got %s", show(got))
	}
}

func TestSequencesLeaveOutWhatIsNoChange(t *testing.T) {
	t.Parallel()
	event := shown("1", "2026-05-06T07:00:00Z")
	managed := merge(event, tree{"metadata": tree{"resourceVersion": "8"}})
	changed := merge(event, tree{"note": "y"})
	got := fixedNormal().sequences([]change{{"ADDED", event}, {"MODIFIED", managed}, {"MODIFIED", changed}, {"DELETED", changed}})
	var types []any
	for _, each := range got["a"] {
		types = append(types, each["type"])
	}
	if fmt.Sprint(types) != "[ADDED MODIFIED DELETED]" {
		t.Errorf("got %v", types)
	}
}

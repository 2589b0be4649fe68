// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	eventsv1 "k8s.io/api/events/v1"
)

func kubectlDiscovers(t *testing.T, k *kubectl) {
	expect(t, k.run(t, "api-resources", "--api-group=events.k8s.io", "--output=wide"),
		"events", "ev", "events.k8s.io/v1", "true", "Event", "create,delete,deletecollection,get,list,patch,update,watch")
	expect(t, k.run(t, "api-versions"), "events.k8s.io/v1\n")
	expect(t, k.run(t, "explain", "events", "--api-version=events.k8s.io/v1"),
		"GROUP:", "events.k8s.io", "KIND:", "Event", "VERSION:", "v1", "reportingController")
	expect(t, k.run(t, "explain", "events.series.lastObservedTime", "--api-version=events.k8s.io/v1"),
		"FIELD: lastObservedTime", "lastObservedTime is the time when last Event from the series was seen")
	expect(t, k.run(t, "explain", "events", "--api-version=events.k8s.io/v1", "--recursive"),
		"regarding", "fieldPath", "series", "count", "<integer> -required-")
	expect(t, k.run(t, "explain", "events.regarding", "--api-version=events.k8s.io/v1", "--output=plaintext-openapiv2"),
		"regarding <Object>", "fieldPath")
}

func kubectlGets(t *testing.T, k *kubectl) {
	k.create(t, "a")
	lines := strings.Split(k.run(t, "get", resource), "\n")
	if want := []string{"LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"}; !cmp.Equal(want, strings.Fields(lines[0])) {
		t.Errorf("the table's head is %q, want %v", lines[0], want)
	}
	expect(t, lines[1], "Normal", "Started", "pod/pod-a", "a runs")
	expect(t, k.run(t, "get", resource, "a", "--output=wide"),
		"LAST SEEN", "TYPE", "REASON", "OBJECT", "SUBOBJECT", "SOURCE", "MESSAGE", "FIRST SEEN", "COUNT", "NAME",
		"Normal", "Started", "pod/pod-a", "example.com/controller, controller-1", "a runs", "1", "a")
	if got := strings.TrimSpace(k.run(t, "get", resource, "a", "--output=name")); got != "event.events.k8s.io/a" {
		t.Errorf("the name is printed as %q", got)
	}
	expect(t, k.run(t, "describe", resource, "a"), "Name:", "a", "API Version:", "events.k8s.io/v1", "Reason:", "Started")
	expect(t, k.refused(t, "get", resource, "none"), `Error from server (NotFound): events.events.k8s.io "none" not found`)
	kubectlGetsObjects(t, k)
}

// kubectlGetsObjects checks that what is printed is the event that was written.
func kubectlGetsObjects(t *testing.T, k *kubectl) {
	t.Helper()
	var fromJSON, fromYAML eventsv1.Event
	if err := json.Unmarshal([]byte(k.run(t, "get", resource, "a", "--output=json")), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(k.run(t, "get", resource, "a", "--output=yaml")), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("as JSON (-) and as YAML (+):\n%s", diff)
	}
	want := newEvent(k.namespace, "a")
	want.Labels = map[string]string{"name": "a"}
	want.UID, want.ResourceVersion, want.CreationTimestamp = fromJSON.UID, fromJSON.ResourceVersion, fromJSON.CreationTimestamp
	if diff := cmp.Diff(*want, fromJSON); diff != "" {
		t.Errorf("written (-) and got (+):\n%s", diff)
	}
}

func kubectlLists(t *testing.T, k *kubectl) {
	k.create(t, "b", "03:04:05", "03:04:07")
	k.create(t, "c", "03:04:05", "03:04:06", "type: Normal", "type: Warning")
	k.create(t, "a", "03:04:05", "03:04:08", "reason: Started", "reason: Stopped")
	for name, list := range map[string]struct {
		args []string
		want string
	}{
		"by name, as stored":       {nil, "a b c"},
		"in pages of one":          {[]string{"--chunk-size=1"}, "a b c"},
		"sorted by time":           {[]string{"--sort-by=.eventTime"}, "c b a"},
		"sorted by reason":         {[]string{"--sort-by={.reason}", "--selector=name!=c"}, "b a"},
		"by field":                 {[]string{"--field-selector=type=Warning"}, "c"},
		"by two fields":            {[]string{"--field-selector=reason=Started,regarding.uid!=uid-b"}, "c"},
		"by label":                 {[]string{"--selector=name in (a, c)"}, "a c"},
		"by field in pages of one": {[]string{"--field-selector=reason=Started", "--chunk-size=1"}, "b c"},
	} {
		args := append([]string{"get", resource, "--no-headers", "--output=custom-columns=NAME:.metadata.name"}, list.args...)
		if got := strings.Join(strings.Fields(k.run(t, args...)), " "); got != list.want {
			t.Errorf("%s: got %q, want %q", name, got, list.want)
		}
	}
	// A table that is sorted is printed from the rows' objects.
	expect(t, k.run(t, "get", resource, "--sort-by=.eventTime"), "pod/pod-c", "pod/pod-b", "pod/pod-a")
	expect(t, k.run(t, "get", resource, "--all-namespaces", "--field-selector=metadata.namespace="+k.namespace), "NAMESPACE", k.namespace, "pod/pod-a", "pod/pod-b", "pod/pod-c")
	expect(t, k.refused(t, "get", resource, "--field-selector=note=x"), "field label not supported: note")

	paged := k.run(t, "get", resource, "--chunk-size=1", "--v=6")
	if requests := strings.Count(paged, "continue="); requests != 2 {
		t.Errorf("three events in pages of one: continued %d times, want 2:\n%s", requests, paged)
	}
}

func kubectlWatches(t *testing.T, k *kubectl) {
	k.create(t, "before")
	watch := k.follow(t, "get", resource, "--watch", "--output-watch-events", "--output=wide")
	watch.expect(t, "EVENT", "LAST SEEN", "TYPE")
	watch.expect(t, "ADDED", "pod/pod-before")
	k.create(t, "later")
	watch.expect(t, "ADDED", "pod/pod-later")
	k.run(t, "patch", resource, "later", "--type=merge", "--patch="+`{"series":{"count":7,"lastObservedTime":"2026-01-02T03:05:05.000000Z"}}`)
	watch.expect(t, "MODIFIED", "pod/pod-later", "7", "later")
	k.run(t, "delete", resource, "before")
	watch.expect(t, "DELETED", "pod/pod-before")
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"errors"
	"os/exec"
	"testing"
)

func kubectlCreatesAndDeletes(t *testing.T, k *kubectl) {
	file := k.file(t, "a")
	expect(t, k.run(t, "create", "--filename="+file, "--dry-run=server"), "event.events.k8s.io/a created (server dry run)")
	expect(t, k.run(t, "get", resource), "No resources found")
	expect(t, k.run(t, "create", "--filename="+file), "event.events.k8s.io/a created")
	expect(t, k.refused(t, "create", "--filename="+file), "AlreadyExists", `"a" already exists`)
	expect(t, k.refused(t, "create", "--filename="+k.file(t, "bad", "type: Normal", "type: Odd")), `The Event "bad" is invalid`, "type: Invalid value")
	// kubectl asks for strict validation, which the server does.
	expect(t, k.refused(t, "create", "--filename="+k.file(t, "bad", "note:", "nota:")), `unknown field "nota"`)

	k.create(t, "b")
	k.create(t, "c", "reason: Started", "reason: Stopped")
	expect(t, k.run(t, "delete", resource, "a"), `event.events.k8s.io "a" deleted`)
	expect(t, k.refused(t, "delete", resource, "a"), "NotFound")
	expect(t, k.run(t, "delete", resource, "a", "--ignore-not-found"), "")
	expect(t, k.run(t, "delete", resource, "--field-selector=reason=Stopped"), `"c" deleted`)
	expect(t, k.run(t, "delete", resource, "--selector=name=b", "--dry-run=server"), `"b" deleted`, "dry run")
	expect(t, k.run(t, "get", resource, "--output=name"), "event.events.k8s.io/b")
	expect(t, k.run(t, "delete", resource, "--all"), `"b" deleted`)
	expect(t, k.run(t, "get", resource), "No resources found")
}

func kubectlChanges(t *testing.T, k *kubectl) {
	k.create(t, "a")
	for kind, patch := range map[string]string{
		"json":      `[{"op":"add","path":"/metadata/labels/json","value":"yes"}]`,
		"merge":     `{"metadata":{"labels":{"merge":"yes"}}}`,
		"strategic": `{"metadata":{"labels":{"strategic":"yes"}}}`,
	} {
		expect(t, k.run(t, "patch", resource, "a", "--type="+kind, "--patch="+patch), "event.events.k8s.io/a patched")
		if got := k.field(t, ".metadata.labels."+kind); got != "yes" {
			t.Errorf("after a patch of type %s its label is %q", kind, got)
		}
	}
	expect(t, k.run(t, "patch", resource, "a", "--type=merge", "--patch={}"), "patched (no change)")
	expect(t, k.refused(t, "patch", resource, "a", "--type=merge", `--patch={"note":"another"}`), `The Event "a" is invalid`, "note")

	expect(t, k.run(t, "label", resource, "a", "team=x"), "labeled")
	expect(t, k.refused(t, "label", resource, "a", "team=y"), "overwrite is false")
	expect(t, k.run(t, "label", resource, "a", "team=y", "--overwrite"), "labeled")
	expect(t, k.run(t, "annotate", resource, "a", "example.com/by=hand"), "annotated")
	expect(t, k.run(t, "get", resource, "a", "--label-columns=team"), "TEAM", "y")
	if got := k.field(t, `.metadata.annotations.example\.com/by`); got != "hand" {
		t.Errorf("the annotation is %q", got)
	}
	expect(t, k.run(t, "label", resource, "a", "team-"), "unlabeled")

	// The editor of this person replaces one word.
	k.env = append(k.env, "KUBE_EDITOR=sed -i s/hand/editor/")
	expect(t, k.run(t, "edit", resource, "a"), "event.events.k8s.io/a edited")
	if got := k.field(t, `.metadata.annotations.example\.com/by`); got != "editor" {
		t.Errorf("after kubectl edit the annotation is %q", got)
	}
	expect(t, k.run(t, "replace", "--filename="+k.file(t, "a")), "event.events.k8s.io/a replaced")
	if got := k.field(t, ".metadata.labels"); got != `{"name":"a"}` {
		t.Errorf("after kubectl replace the labels are %s", got)
	}
}

const withSeries = "series: {count: 2, lastObservedTime: \"2026-01-02T03:05:05.000000Z\"}\nregarding:"

func kubectlAppliesClientSide(t *testing.T, k *kubectl) {
	file := k.file(t, "a")
	expect(t, k.differs(t, "--filename="+file), "+  name: a", "+note: a runs")
	expect(t, k.run(t, "apply", "--filename="+file), "event.events.k8s.io/a created")
	expect(t, k.run(t, "apply", "--filename="+file), "event.events.k8s.io/a unchanged")
	if output := k.run(t, "diff", "--filename="+file); output != "" {
		t.Errorf("what was just applied differs:\n%s", output)
	}
	changed := k.file(t, "a", "regarding:", withSeries)
	expect(t, k.differs(t, "--filename="+changed), "+series:", "+  count: 2")
	expect(t, k.run(t, "apply", "--filename="+changed), "event.events.k8s.io/a configured")
	if got := k.field(t, ".series.count"); got != "2" {
		t.Errorf("applied 2 as the series' count, got %q", got)
	}
	expect(t, k.run(t, "apply", "view-last-applied", "--filename="+changed), "count: 2")
	expect(t, k.refused(t, "apply", "--filename="+k.file(t, "a", "note: NAME runs", "note: another")), `The Event "a" is invalid`, "note")
	expect(t, k.run(t, "delete", "--filename="+changed), "deleted")
}

func kubectlAppliesServerSide(t *testing.T, k *kubectl) {
	file := k.file(t, "a")
	expect(t, k.run(t, "apply", "--server-side", "--filename="+file), "event.events.k8s.io/a serverside-applied")
	expect(t, k.run(t, "get", resource, "a", "--output=yaml", "--show-managed-fields"), "f:eventTime", "manager: kubectl", "operation: Apply")
	if output := k.run(t, "diff", "--server-side", "--filename="+file); output != "" {
		t.Errorf("what was just applied differs:\n%s", output)
	}
	changed := k.file(t, "a", "    name: NAME", "    name: other", "regarding:", withSeries)
	expect(t, k.differs(t, "--server-side", "--filename="+changed), "name: other", "+series:")
	other := []string{"apply", "--server-side", "--field-manager=other", "--filename=" + changed}
	expect(t, k.refused(t, other...), `conflict with "kubectl"`, ".metadata.labels.name")
	expect(t, k.run(t, append(other, "--force-conflicts")...), "serverside-applied")
	if got := k.field(t, ".metadata.labels.name"); got != "other" {
		t.Errorf("applied by force, the label is %q", got)
	}
	// Client-side apply on top takes over, as kubectl does on its own.
	expect(t, k.run(t, "apply", "--filename="+changed), "event.events.k8s.io/a configured")
}

// differs returns what kubectl diff prints when there is a difference, of which
// its exit status tells.
func (k *kubectl) differs(t *testing.T, args ...string) string {
	t.Helper()
	output, err := k.command(t, append([]string{"diff"}, args...)...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("kubectl diff: %v, want exit status 1 for a difference\n%s", err, output)
	}
	return string(output)
}

func kubectlWaits(t *testing.T, k *kubectl) {
	k.create(t, "a")
	count := k.follow(t, "wait", "--for=jsonpath={.series.count}=3", resource+"/a", "--timeout=2m", "--v=6")
	count.expect(t, "watch=true")
	k.run(t, "patch", resource, "a", "--type=merge", "--patch="+`{"series":{"count":3,"lastObservedTime":"2026-01-02T03:05:05.000000Z"}}`)
	count.expect(t, "event.events.k8s.io/a condition met")

	gone := k.follow(t, "wait", "--for=delete", resource+"/a", "--timeout=2m", "--v=6")
	gone.expect(t, "watch=true")
	k.run(t, "delete", resource, "a", "--wait=false")
	gone.expect(t, "event.events.k8s.io/a condition met")
}

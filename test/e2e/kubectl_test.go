// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const manifest = `apiVersion: events.k8s.io/v1
kind: Event
metadata:
  name: NAME
  namespace: default
eventTime: "2026-01-02T03:04:05.000006Z"
reportingController: example.com/controller
reportingInstance: controller-1
action: Start
reason: Started
type: Normal
note: it runs
regarding:
  kind: Pod
  namespace: default
  name: pod-NAME
  uid: uid-NAME
`

// kubectl runs kubectl as the administrator and returns what it prints.
func (s *suite) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := s.tryKubectl(t, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

func (s *suite) tryKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	output, err := s.Kubectl(t.Context(), args...).CombinedOutput()
	return string(output), err
}

// manifestFile writes an event called name and returns the file.
func manifestFile(t *testing.T, name string, changes ...string) string {
	t.Helper()
	content := strings.NewReplacer(append(changes, "NAME", name)...).Replace(manifest)
	file := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func expect(t *testing.T, output string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in:\n%s", want, output)
		}
	}
}

func expectNot(t *testing.T, output, unwanted string) {
	t.Helper()
	if strings.Contains(output, unwanted) {
		t.Errorf("%q should not be in:\n%s", unwanted, output)
	}
}

// What a person does with events at the command line.
func testKubectl(t *testing.T, s *suite) {
	const resource = "events.events.k8s.io"
	expect(t, s.kubectl(t, "api-resources", "--api-group=events.k8s.io"), "events", "ev", "true", "Event")
	expect(t, s.kubectl(t, "explain", "events.regarding", "--api-version=events.k8s.io/v1"), "GROUP:", "events.k8s.io", "regarding contains the object this Event is about")

	watcher := startWatch(t, s, "get", resource, "-n", "default", "--watch", "--no-headers", "-o", "custom-columns=NAME:.metadata.name,SERIES:.series.count")

	expect(t, s.kubectl(t, "create", "-f", manifestFile(t, "a")), "event.events.k8s.io/a created")
	watcher.expect(t, "a")
	expect(t, s.kubectl(t, "get", resource, "-n", "default"), "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE", "Started", "pod/pod-a", "it runs")
	expect(t, s.kubectl(t, "get", resource, "a", "-n", "default", "-o", "wide"), "SUBOBJECT", "SOURCE", "FIRST SEEN", "COUNT", "NAME", "example.com/controller, controller-1")
	expect(t, s.kubectl(t, "get", resource, "a", "-n", "default", "-o", "yaml"), "kind: Event", "note: it runs", "2026-01-02T03:04:05.000006Z")
	expect(t, s.kubectl(t, "get", resource, "-A", "--field-selector", "regarding.uid=uid-a"), "pod/pod-a")
	refused, err := s.tryKubectl(t, "get", resource, "-A", "--field-selector", "note=x")
	if err == nil {
		t.Error("a field label that is none was accepted")
	}
	expect(t, refused, "field label not supported: note")

	expect(t, s.kubectl(t, "apply", "--server-side", "-f", manifestFile(t, "b")), "event.events.k8s.io/b serverside-applied")
	expect(t, s.kubectl(t, "get", resource, "b", "-n", "default", "-o", "yaml", "--show-managed-fields"), "operation: Apply", "manager: kubectl")
	refused, err = s.tryKubectl(t, "create", "-f", manifestFile(t, "c", "type: Normal", "type: Odd"))
	if err == nil {
		t.Error("an invalid event was accepted")
	}
	expect(t, refused, "type: Invalid value", "has invalid value: Odd")

	s.kubectl(t, "patch", resource, "a", "-n", "default", "--type=merge", "-p", `{"series":{"count":2,"lastObservedTime":"2026-01-02T03:05:05.000000Z"}}`)
	expect(t, s.kubectl(t, "get", resource, "a", "-n", "default", "-o", "jsonpath={.series.count}"), "2")
	watcher.expect(t, "2")

	expect(t, s.kubectl(t, "delete", resource, "b", "-n", "default"), `"b" deleted`)
	expectNot(t, s.kubectl(t, "get", resource, "-n", "default"), "pod-b")
	s.kubectl(t, "delete", resource, "--all", "-n", "default")
	expect(t, s.kubectl(t, "get", resource, "-n", "default"), "No resources found")
}

// watchOutput follows the lines that a kubectl with --watch prints.
type watchOutput struct {
	lines <-chan string
}

func startWatch(t *testing.T, s *suite, args ...string) *watchOutput {
	t.Helper()
	cmd := s.Kubectl(t.Context(), args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() { endWatch(t, cmd, &stderr) })
	return &watchOutput{lines: lines}
}

func endWatch(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // that it was killed is no news
	if stderr.Len() > 0 && t.Failed() {
		t.Logf("kubectl with --watch said:\n%s", stderr)
	}
}

// expect reads until a line has the text; the test's own deadline bounds it.
func (w *watchOutput) expect(t *testing.T, text string) {
	t.Helper()
	for line := range w.lines {
		if strings.Contains(line, text) {
			return
		}
	}
	t.Errorf("kubectl with --watch ended without printing %q", text)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testControllerRuntime runs a manager whose controller reports about each
// version of a ConfigMap once a second.
func testControllerRuntime(t *testing.T, s *suite) {
	namespace := s.MakeNamespace(t, "controller-runtime")
	manager := startManager(t, s, namespace)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"a": "1"}}
	first, err := s.Admin.CoreV1().ConfigMaps(namespace).Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	selector := "reason=Reconciled,regarding.uid=" + string(first.UID)
	s.waitEvents(t, namespace, selector, 1, counted(2))

	object.Data["b"] = "2"
	second, err := s.Admin.CoreV1().ConfigMaps(namespace).Update(t.Context(), object, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{first.ResourceVersion: "1", second.ResourceVersion: "2"}
	s.waitEvents(t, namespace, selector, 2, func(event *eventsv1.Event) error {
		return errors.Join(counted(2)(event), isOfManager(event, entries[event.Regarding.ResourceVersion]))
	})
	manager.stop(t)
}

func isOfManager(event *eventsv1.Event, entries string) error {
	if event.ReportingController != "example.com/configmap-controller" || event.Regarding.Kind != "ConfigMap" || event.Action != "Reconcile" {
		return fmt.Errorf("it is not the manager's: %+v", event)
	}
	annotation := event.Annotations["example.com/entries"]
	if event.Note != "entries: "+entries || annotation != entries {
		return fmt.Errorf("its note is %q, its annotation %q, want %q in both", event.Note, annotation, entries)
	}
	return nil
}

// manager is the running program of the module controllerruntime.
type manager struct {
	cmd    *exec.Cmd
	output bytes.Buffer
}

// startManager builds the program first: "go run" would not pass on a signal.
func startManager(t *testing.T, s *suite, namespace string) *manager {
	t.Helper()
	program := filepath.Join(t.TempDir(), "controllerruntime")
	if output, err := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(s.Config().RepoDir, "test", "clients", "controllerruntime"), "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the manager: %v\n%s", err, output)
	}
	m := &manager{cmd: exec.CommandContext(t.Context(), program, "--kubeconfig="+s.AdminKubeconfig(), "--namespace="+namespace)}
	m.cmd.Stdout, m.cmd.Stderr = &m.output, &m.output
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("starting the manager: %v", err)
	}
	t.Cleanup(func() {
		if m.cmd.ProcessState == nil {
			_ = m.cmd.Process.Kill()
			_ = m.cmd.Wait() // that it was killed is no news
		}
		if t.Failed() {
			t.Logf("the manager said:\n%s", m.output.String())
		}
	})
	return m
}

// stop ends the manager as a cluster would.
func (m *manager) stop(t *testing.T) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping the manager: %v", err)
	}
	if err := m.cmd.Wait(); err != nil {
		t.Errorf("the manager ended with: %v", err)
	}
}

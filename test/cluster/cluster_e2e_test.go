// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package cluster

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	repoDir = "../.."
	// What controllers do takes moments; the bound is for a busy machine.
	e2eBound = 2 * time.Minute
)

func TestPlainControlPlane(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	client := clientOf(t, c)

	namespace := makeNamespace(t, client, "first")
	makePod(t, client, namespace)
	waitScheduling(t, client, namespace)

	for _, component := range c.Components() {
		if err := component.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if component.Running() {
			t.Fatalf("%s runs after it was killed", component.Name())
		}
		if err := component.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := component.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	namespace = makeNamespace(t, client, "second")
	makePod(t, client, namespace)
	waitScheduling(t, client, namespace)
	deleteNamespace(t, client, namespace)
}

func TestStopLeavesNoProcessAndKeepsData(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	namespace := makeNamespace(t, clientOf(t, c), "kept")

	processes := maps.Clone(c.procs)
	if len(processes) != len(c.Components()) {
		t.Fatalf("%d processes are recorded, want %d", len(processes), len(c.Components()))
	}
	again, err := New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	running := (*AlreadyRunningError)(nil)
	if err := again.Start(t.Context()); !errors.As(err, &running) {
		t.Fatalf("starting twice: got %v, want *AlreadyRunningError", err)
	}

	// As a later process does it.
	opened, err := Open(c.layout.dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, id := range processes {
		if id.alive() {
			t.Errorf("%s runs after the stop", name)
		}
	}
	if err := opened.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Stop(context.WithoutCancel(t.Context())) })
	if _, err := clientOf(t, opened).CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{}); err != nil {
		t.Errorf("what was stored before the stop: %v", err)
	}
}

func TestFailedStartLeavesNoProcess(t *testing.T) {
	t.Parallel()
	config := configFor(t)
	config.ExtraArgs = map[string][]string{KubeScheduler: {"--no-such-flag"}}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), KubeScheduler) || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("got %v, want an error with the component and the end of its log", err)
	}
	if c.Running() {
		t.Error("something runs")
		_ = c.Stop(context.WithoutCancel(t.Context()))
	}
}

func configFor(t *testing.T) Config {
	t.Helper()
	tools, err := FindTools(t.Context(), repoDir)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Dir: t.TempDir(), ToolsDir: tools, RepoDir: repoDir,
		UnsafeNoFsync: true, Log: t.Output(),
	}
}

func startCluster(t *testing.T) *Cluster {
	t.Helper()
	c, err := New(configFor(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

func clientOf(t *testing.T, c *Cluster) kubernetes.Interface {
	t.Helper()
	config, err := c.AdminConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func makeNamespace(t *testing.T, client kubernetes.Interface, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// makePod makes a pod that no node can take. It is refused until the namespace
// has its service account.
func makePod(t *testing.T, client kubernetes.Interface, namespace string) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "waiting"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}
	waitFor(t, "making a pod", func(ctx context.Context) error {
		_, err := client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
		return err
	})
}

func waitScheduling(t *testing.T, client kubernetes.Interface, namespace string) {
	t.Helper()
	waitFor(t, "an event of the scheduler", func(ctx context.Context) error {
		count, err := countSchedulerEvents(ctx, client, namespace)
		if err == nil && count == 0 {
			err = errors.New("no event FailedScheduling yet")
		}
		return err
	})
}

func countSchedulerEvents(ctx context.Context, client kubernetes.Interface, namespace string) (int, error) {
	list, err := client.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	count := 0
	for _, event := range list.Items {
		if event.Reason == "FailedScheduling" {
			count++
		}
	}
	return count, nil
}

func deleteNamespace(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	if err := client.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the namespace", func(ctx context.Context) error {
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, errors.New("it is still there"))
	})
}

func waitFor(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), e2eBound)
	defer cancel()
	if err := poll(ctx, readyPoll, try); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

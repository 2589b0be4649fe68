// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// deploy makes a Deployment whose pods no node can take, there being none: the
// real scheduler reports that as an event for each.
func (s *suite) deploy(t *testing.T, namespace, name string, replicas int32) {
	t.Helper()
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none"}}},
			},
		},
	}
	if _, err := s.Admin.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// waitFailedScheduling waits until the scheduler's events about n pods are here.
func (s *suite) waitFailedScheduling(t *testing.T, namespace string, n int) []eventsv1.Event {
	t.Helper()
	var items []eventsv1.Event
	clustertest.Eventually(t, fmt.Sprintf("FailedScheduling events of %d pods", n), func(ctx context.Context) error {
		list, err := s.Admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=FailedScheduling"})
		if err != nil {
			return err
		}
		items = list.Items
		pods := map[string]bool{}
		for i := range items {
			pods[items[i].Regarding.Name] = true
		}
		if len(pods) != n {
			return fmt.Errorf("events of %d pods", len(pods))
		}
		return nil
	})
	return items
}

func testScheduler(t *testing.T, s *suite) {
	const namespace = "scheduling"
	s.MakeNamespace(t, namespace)
	s.deploy(t, namespace, "hello", 2)
	items := s.waitFailedScheduling(t, namespace, 2)
	for i := range items {
		if items[i].ReportingController != "default-scheduler" || items[i].Regarding.Kind != "Pod" || items[i].Regarding.UID == "" {
			t.Errorf("not the scheduler's: %+v", items[i])
		}
	}
	expect(t, s.kubectl(t, "get", "events.events.k8s.io", "-A"), namespace, "FailedScheduling", "pod/hello-", "no nodes available to schedule pods")

	// The rest of the cluster sees them through core/v1, as the same events.
	inCore, err := s.Admin.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=FailedScheduling"})
	if err != nil {
		t.Fatal(err)
	}
	uids := map[types.UID]bool{}
	for i := range inCore.Items {
		uids[inCore.Items[i].UID] = true
	}
	for i := range items {
		if !uids[items[i].UID] {
			t.Errorf("%s is not in core/v1, which has %d events", items[i].Name, len(inCore.Items))
		}
	}
}

func testRights(t *testing.T, s *suite) {
	config, err := s.UserConfig("nobody-special")
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "nobody-special") {
		t.Errorf("through kube-apiserver without rights: got %v, want Forbidden, with the user's name", err)
	}
	client, err = kubernetes.NewForConfig(s.Direct(t, config))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("straight to events-apiserver without rights: got %v, want Forbidden", err)
	}
	s.kubectl(t, "create", "rolebinding", "viewer", "--clusterrole=view", "--user=nobody-special", "-n", "default")
	clustertest.Eventually(t, "the rights of a viewer", func(ctx context.Context) error {
		_, err := client.EventsV1().Events("default").List(ctx, metav1.ListOptions{})
		return err
	})
	if err := client.EventsV1().Events("default").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("deleting as a viewer: got %v, want Forbidden", err)
	}
}

// kube-apiserver runs no admission for requests that it passes on: a missing
// namespace and a policy must be noticed by us.
func testAdmission(t *testing.T, s *suite) {
	event := &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "nowhere"},
		EventTime:  metav1.NowMicro(), ReportingController: "example.com/c", ReportingInstance: "c-1",
		Action: "Start", Reason: "Started", Type: "Normal", Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p", Namespace: "nowhere"},
	}
	if _, err := s.Admin.EventsV1().Events("nowhere").Create(t.Context(), event, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("into a namespace that is not there: got %v, want NotFound", err)
	}
	file := policyFile(t)
	s.kubectl(t, "apply", "--server-side", "-f", file)
	defer s.kubectl(t, "delete", "-f", file)
	clustertest.Eventually(t, "the policy to be enforced", func(ctx context.Context) error {
		event := event.DeepCopy()
		event.Namespace, event.Regarding.Namespace, event.Action = "default", "default", "Forbidden"
		_, err := s.Admin.EventsV1().Events("default").Create(ctx, event, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if !apierrors.IsInvalid(err) {
			return fmt.Errorf("got %w, want Invalid", errOrNone(err))
		}
		return nil
	})
}

func errOrNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func testNamespaceDeletion(t *testing.T, s *suite) {
	const namespace = "short-lived"
	s.MakeNamespace(t, namespace)
	s.deploy(t, namespace, "hello", 3)
	s.waitFailedScheduling(t, namespace, 3)
	if err := s.Admin.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the namespace to be gone", func(ctx context.Context) error {
		_, err := s.Admin.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("got %w, want NotFound", errOrNone(err))
		}
		return nil
	})
	list, err := s.Admin.EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("its events are still there: %d, %v", len(list.Items), err)
	}
}

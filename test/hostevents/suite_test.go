// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const (
	repoDir = "../.."
	// patience bounds every wait for something that must happen, on a busy
	// machine.
	patience = time.Minute
	pollStep = 20 * time.Millisecond
)

// suite is a cluster in which events-apiserver is registered.
type suite struct {
	*cluster.Cluster
	// admin talks to kube-apiserver as an administrator.
	admin kubernetes.Interface
}

// start starts a cluster with further arguments of events-apiserver.
func start(t *testing.T, store string, serverArgs ...string) *suite {
	t.Helper()
	return startWith(t, store, map[string][]string{cluster.EventsAPIServer: serverArgs})
}

// startWith starts a cluster with further arguments by component.
func startWith(t *testing.T, store string, args map[string][]string) *suite {
	t.Helper()
	r := clustertest.Start(t, cluster.Config{RepoDir: repoDir, Store: store, ExtraArgs: args})
	return &suite{Cluster: r.Cluster, admin: r.Admin}
}

// restart ends a component and starts it anew.
func (s *suite) restart(t *testing.T, name string, end func(*cluster.Component, context.Context) error, meanwhile func()) {
	t.Helper()
	component, err := s.Component(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := end(component, t.Context()); err != nil {
		t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile()
	}
	if err := component.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *suite) makeNamespace(t *testing.T, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := s.admin.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// newOurs is an event as a client of events.k8s.io writes it.
func newOurs(namespace, name string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"made": "ours"}},
		EventTime:           metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)),
		ReportingController: "example.com/controller",
		ReportingInstance:   "controller-1",
		Action:              "Start",
		Reason:              "Started",
		Type:                corev1.EventTypeNormal,
		Note:                "it runs",
		Regarding:           corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "pod-" + name, UID: types.UID("uid-" + name)},
	}
}

// newHosts is an event as the kubelet writes it.
func newHosts(namespace, name string) *corev1.Event {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"made": "host"}},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "pod-" + name, UID: types.UID("uid-" + name)},
		Reason:         "Pulled",
		Message:        "the image is here",
		Source:         corev1.EventSource{Component: "kubelet", Host: "node-1"},
		FirstTimestamp: now,
		LastTimestamp:  now,
		Count:          1,
		Type:           corev1.EventTypeNormal,
	}
}

// eventually waits for a condition; its last error says what was missing.
func eventually(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pollStep, patience, true, func(ctx context.Context) (bool, error) {
		err := condition(ctx)
		if err == nil || ctx.Err() == nil || last == nil {
			last = err // what the end of the wait broke off says nothing
		}
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("waited %s in vain for %s: %v", patience, what, last)
	}
}

// equalViews waits until both views of a namespace are the same, and returns it.
func (s *suite) equalViews(t *testing.T, namespace string) []corev1.Event {
	t.Helper()
	return s.viewsWhen(t, namespace, compareEvents)
}

// equalContents does so where events may have another uid in core/v1: those that
// were answered while the host was away keep the one that was answered.
func (s *suite) equalContents(t *testing.T, namespace string) []corev1.Event {
	t.Helper()
	return s.viewsWhen(t, namespace, compareContents)
}

func (s *suite) viewsWhen(t *testing.T, namespace string, compare func(*corev1.Event, *eventsv1.Event) error) []corev1.Event {
	t.Helper()
	var result []corev1.Event
	eventually(t, "equal views of "+namespace, func(ctx context.Context) error {
		hosts, err := s.admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ours, err := s.admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		result = hosts.Items
		return compareViews(hosts.Items, ours.Items, compare)
	})
	return result
}

func compareViews(hosts []corev1.Event, ours []eventsv1.Event, compare func(*corev1.Event, *eventsv1.Event) error) error {
	if len(hosts) != len(ours) {
		return fmt.Errorf("%d events in core/v1, %d in events.k8s.io/v1", len(hosts), len(ours))
	}
	for i := range hosts {
		if err := compare(&hosts[i], &ours[i]); err != nil {
			return fmt.Errorf("%s: %w", hosts[i].Name, err)
		}
	}
	return nil
}

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

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// suite is a cluster in which events-apiserver is registered.
type suite struct {
	*clustertest.Cluster
}

// start starts a cluster with further arguments by component.
func start(t *testing.T, args map[string][]string) *suite {
	t.Helper()
	return &suite{clustertest.Start(t, cluster.Config{RepoDir: "../..", ExtraArgs: args})}
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

// sameNow fails unless the host has the very event that ours has answered with.
func (s *suite) sameNow(t *testing.T, ours *eventsv1.Event) {
	t.Helper()
	host, err := s.Admin.CoreV1().Events(ours.Namespace).Get(t.Context(), ours.Name, metav1.GetOptions{})
	if err != nil {
		t.Errorf("not in core/v1 when the client had its answer: %v", err)
		return
	}
	if err := compareEvents(host, ours); err != nil {
		t.Error(err)
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
	clustertest.Eventually(t, "equal views of "+namespace, func(ctx context.Context) error {
		hosts, err := s.Admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ours, err := s.Admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{})
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

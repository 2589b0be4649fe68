// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const disrupted = "disrupted"

// A dead events-apiserver must cost the cluster its events and nothing else,
// and it must be as before when it is back.
func testServerKilled(t *testing.T, s *suite) {
	s.MakeNamespace(t, disrupted)
	s.deploy(t, disrupted, "before", 1)
	before := s.waitFailedScheduling(t, disrupted, 1)

	server := s.Program(t, cluster.EventsAPIServer)
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Admin.EventsV1().Events(disrupted).List(t.Context(), metav1.ListOptions{}); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("events while the server is dead: got %v, want ServiceUnavailable", err)
	}
	// The rest of the cluster works: a Deployment gets its pods.
	s.deploy(t, disrupted, "meanwhile", 1)
	s.waitPods(t, disrupted, 2)
	expect(t, s.kubectl(t, "get", "deployments", "-n", disrupted), "before", "meanwhile")

	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
	event, err := s.Admin.EventsV1().Events(disrupted).Get(t.Context(), before[0].Name, metav1.GetOptions{})
	if err != nil || event.UID != before[0].UID {
		t.Errorf("an event from before: %v", err)
	}
	s.deploy(t, disrupted, "after", 1)
	s.waitPods(t, disrupted, 3)
	clustertest.Eventually(t, "events of a pod made afterwards", func(ctx context.Context) error {
		return s.hasEventOf(ctx, disrupted, "after-")
	})
}

func (s *suite) waitPods(t *testing.T, namespace string, n int) {
	t.Helper()
	clustertest.Eventually(t, fmt.Sprintf("%d pods", n), func(ctx context.Context) error {
		pods, err := s.Admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(pods.Items) != n {
			return fmt.Errorf("there are %d", len(pods.Items))
		}
		return nil
	})
}

func (s *suite) hasEventOf(ctx context.Context, namespace, podPrefix string) error {
	list, err := s.Admin.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		name := list.Items[i].Regarding.Name
		if len(name) > len(podPrefix) && name[:len(podPrefix)] == podPrefix {
			return nil
		}
	}
	return fmt.Errorf("%d events, none of a pod %s", len(list.Items), podPrefix)
}

// A kube-apiserver that restarts resets the APIServices that it considers its
// own. Ours must stay ours.
func testKubeAPIServerRestarted(t *testing.T, s *suite) {
	if err := s.Program(t, cluster.KubeAPIServer).Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, s.kubectl(t, "get", "apiservice", "v1.events.k8s.io"), "events-apiserver/events-apiserver", "True")
	clustertest.Eventually(t, "an event from before the restart", func(ctx context.Context) error {
		return s.hasEventOf(ctx, disrupted, "before-")
	})
}

// After the group is given back the built-in answers, out of its own store, and
// new events go there. Taken over again, ours are what they were.
func testGivenBack(t *testing.T, s *suite) {
	if err := s.GiveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, s.kubectl(t, "get", "apiservice", "v1.events.k8s.io"), "Local", "True")
	server := s.Program(t, cluster.EventsAPIServer)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const namespace = "built-in"
	s.MakeNamespace(t, namespace)
	s.deploy(t, namespace, "hello", 1)
	s.waitFailedScheduling(t, namespace, 1)
	expect(t, s.kubectl(t, "get", "events.events.k8s.io", "-n", namespace), "FailedScheduling")
	inCore, err := s.Admin.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=FailedScheduling"})
	if err != nil || len(inCore.Items) == 0 {
		t.Errorf("the built-in shows %d of its events in core/v1, %v; want some", len(inCore.Items), err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "an event from before", func(ctx context.Context) error {
		return s.hasEventOf(ctx, disrupted, "before-")
	})
}

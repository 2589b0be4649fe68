// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// testSeenByKubectl lets the real scheduler and both of client-go's recorders
// report about a pod, and looks at it in the ways a person does.
func testSeenByKubectl(t *testing.T, h *Host) {
	const namespace = "seen"
	s := h.newNamespace(t, namespace)
	// The service account that admission wants of a pod comes a moment later.
	var pod *corev1.Pod
	clustertest.Eventually(t, "a pod", func(ctx context.Context) (err error) {
		pod, err = h.Admin.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "hello"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "none"}}},
		}, metav1.CreateOptions{})
		return err
	})
	reportModern(t, h, pod)
	reportLegacy(t, h, pod)
	for _, command := range []string{
		"describe pod hello", "get events", "get events.events.k8s.io", "events", "events --for=pod/hello",
		"get events --field-selector=involvedObject.name=hello", "get events.events.k8s.io --field-selector=regarding.name=hello",
	} {
		clustertest.Eventually(t, command, func(ctx context.Context) error {
			args := append([]string{"--namespace=" + namespace}, strings.Fields(command)...)
			output, err := h.Kubectl(ctx, args...).CombinedOutput()
			for _, want := range []string{"FailedScheduling", "no nodes available", "ByNewer", "newer recorder", "ByOlder", "older recorder"} {
				if err == nil && !strings.Contains(string(output), want) {
					err = fmt.Errorf("no %q in:\n%s", want, output)
				}
			}
			return err
		})
	}
	// Each was reported twice. The scheduler reported once or more.
	for _, check := range []struct {
		a        api
		selector string
		count    func(tree) any
	}{
		{coreAPI(), "reason=ByNewer", func(e tree) any { series, _ := e["series"].(tree); return series["count"] }},
		{eventsAPI(), "reason=ByNewer", func(e tree) any { series, _ := e["series"].(tree); return series["count"] }},
		{coreAPI(), "reason=ByOlder", func(e tree) any { return e["count"] }},
		{eventsAPI(), "reason=ByOlder", func(e tree) any { return e["deprecatedCount"] }},
	} {
		clustertest.Eventually(t, check.selector+" twice through "+check.a.name, func(ctx context.Context) error {
			items, _, err := h.client.list(ctx, check.a, namespace, queryOf([]string{"fieldSelector=" + check.selector}))
			if err == nil && (len(items) != 1 || check.count(items[0]) != float64(2)) {
				err = fmt.Errorf("there are %s", show(items))
			}
			return err
		})
	}
	s.agree(t, disagreement)
}

func reportModern(t *testing.T, h *Host, pod *corev1.Pod) {
	t.Helper()
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: h.Admin.EventsV1()})
	t.Cleanup(broadcaster.Shutdown)
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/newer")
	recorder.Eventf(pod, nil, corev1.EventTypeNormal, "ByNewer", "Report", "from the newer recorder")
	// Only after the first is here a second one is a series of it, and not lost.
	awaitReason(t, h, "ByNewer")
	recorder.Eventf(pod, nil, corev1.EventTypeNormal, "ByNewer", "Report", "from the newer recorder")
}

func reportLegacy(t *testing.T, h *Host, pod *corev1.Pod) {
	t.Helper()
	broadcaster := record.NewBroadcaster(record.WithContext(t.Context()))
	t.Cleanup(broadcaster.Shutdown)
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: h.Admin.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "older", Host: "node-1"})
	recorder.Event(pod, corev1.EventTypeWarning, "ByOlder", "from the older recorder")
	awaitReason(t, h, "ByOlder")
	recorder.Event(pod, corev1.EventTypeWarning, "ByOlder", "from the older recorder")
}

func awaitReason(t *testing.T, h *Host, reason string) {
	t.Helper()
	clustertest.Eventually(t, reason, func(ctx context.Context) error {
		list, err := h.Admin.EventsV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "reason=" + reason})
		if err == nil && len(list.Items) == 0 {
			err = errors.New("there is none")
		}
		return err
	})
}

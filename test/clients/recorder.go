// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const reporter = "example.com/recorder"

// recording is one recorder whose broadcaster sends to the server.
type recording struct {
	events.EventRecorderLogger
	// send makes the broadcaster send to the server. Another call lets it send what
	// it has counted at once, and not only at its next refresh.
	send      func(context.Context) error
	s         *suite
	namespace string
}

func testRecorder(t *testing.T, s *suite) {
	testRecording(t, s, "recorder", func() *recording {
		broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: s.Admin.EventsV1()})
		t.Cleanup(broadcaster.Shutdown)
		return &recording{
			EventRecorderLogger: broadcaster.NewRecorder(scheme.Scheme, reporter),
			send:                broadcaster.StartRecordingToSinkWithContext,
		}
	})
}

// testRecorderAdapter uses the broadcaster that asks by discovery whether there
// is events.k8s.io/v1, as kube-scheduler does.
func testRecorderAdapter(t *testing.T, s *suite) {
	testRecording(t, s, "adapter", func() *recording {
		broadcaster := events.NewEventBroadcasterAdapterWithContext(t.Context(), s.Admin)
		t.Cleanup(broadcaster.Shutdown)
		return &recording{
			EventRecorderLogger: broadcaster.NewRecorder(reporter),
			send: func(ctx context.Context) error {
				broadcaster.StartRecordingToSink(ctx.Done())
				return nil
			},
		}
	})
}

func testRecording(t *testing.T, s *suite, namespace string, newRecording func() *recording) {
	s.MakeNamespace(t, namespace)
	for name, run := range map[string]func(*testing.T, *recording){
		"single":    recordsOnce,
		"series":    recordsSeries,
		"heartbeat": refreshesSeries,
		"deleted":   restoresSeries,
		"distinct":  tellsApart,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecording()
			r.s, r.namespace = s, namespace
			if err := r.send(t.Context()); err != nil {
				t.Fatalf("starting to record: %v", err)
			}
			run(t, r)
		})
	}
}

// object is something to report about, of which the recorder must find kind,
// version and name by itself.
func (r *recording) object(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	name := strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	object, err := r.s.Admin.CoreV1().ConfigMaps(r.namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func (r *recording) report(object runtime.Object, note string) {
	r.Eventf(object, nil, corev1.EventTypeWarning, "Failed", "Try", "%s", note)
}

// wait waits until there is one event about the object, and it passes the check.
func (r *recording) wait(t *testing.T, object *corev1.ConfigMap, check func(*eventsv1.Event) error) *eventsv1.Event {
	t.Helper()
	return &r.s.waitEvents(t, r.namespace, "regarding.uid="+string(object.UID), 1, check)[0]
}

func recordsOnce(t *testing.T, r *recording) {
	object := r.object(t)
	related, err := r.s.Admin.CoreV1().Namespaces().Get(t.Context(), r.namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	annotated, ok := r.EventRecorderLogger.(events.AnnotatedEventRecorder)
	if !ok {
		t.Fatalf("%T records no annotations", r.EventRecorderLogger)
	}
	before := time.Now().Truncate(time.Microsecond)
	annotated.AnnotatedEventf(object, related, map[string]string{"example.com/a": "b"}, corev1.EventTypeNormal, "Done", "Try", "done in %d steps", 3)
	got := r.wait(t, object, single)
	want := eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: r.namespace, Annotations: map[string]string{"example.com/a": "b"}},
		ReportingController: reporter,
		Action:              "Try",
		Reason:              "Done",
		Type:                corev1.EventTypeNormal,
		Note:                "done in 3 steps",
		Regarding: corev1.ObjectReference{
			APIVersion: "v1", Kind: "ConfigMap", Namespace: r.namespace, Name: object.Name, UID: object.UID, ResourceVersion: object.ResourceVersion,
		},
		Related: &corev1.ObjectReference{
			APIVersion: "v1", Kind: "Namespace", Name: related.Name, UID: related.UID, ResourceVersion: related.ResourceVersion,
		},
	}
	if diff := cmp.Diff(&want, got,
		cmpopts.IgnoreFields(metav1.ObjectMeta{}, "Name", "UID", "ResourceVersion", "CreationTimestamp", "ManagedFields"),
		cmpopts.IgnoreFields(eventsv1.Event{}, "EventTime", "ReportingInstance")); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if got.EventTime.Time.Before(before) || got.EventTime.After(time.Now()) {
		t.Errorf("its time is %s, it was recorded after %s", got.EventTime, before)
	}
	if !strings.HasPrefix(got.Name, object.Name+".") || !strings.HasPrefix(got.ReportingInstance, reporter+"-") {
		t.Errorf("it is %q of %q", got.Name, got.ReportingInstance)
	}
}

// The second report of the same makes the event a series, by a patch.
func recordsSeries(t *testing.T, r *recording) {
	object := r.object(t)
	r.report(object, "first")
	first := r.wait(t, object, single)
	before := time.Now().Truncate(time.Microsecond)
	r.report(object, "second")
	series := r.wait(t, object, counted(2))
	if observed := series.Series.LastObservedTime.Time; observed.Before(before) || observed.After(time.Now()) {
		t.Errorf("last observed at %s, but it was recorded after %s", observed, before)
	}
	if series.UID != first.UID || series.Note != "first" || !series.EventTime.Equal(&first.EventTime) || series.ResourceVersion == first.ResourceVersion {
		t.Errorf("the series is not the first event, changed: %+v, %+v", first, series)
	}
}

// Further reports are counted by the recorder and arrive with its next refresh.
func refreshesSeries(t *testing.T, r *recording) {
	object := r.object(t)
	r.reportTwice(t, object)
	before := time.Now().Truncate(time.Microsecond)
	r.report(object, "third")
	r.report(object, "fourth")
	series := r.refresh(t, object, 4)
	if observed := series.Series.LastObservedTime.Time; observed.Before(before) || observed.After(time.Now()) {
		t.Errorf("last observed at %s, but it was recorded after %s", observed, before)
	}
}

// A series whose event is gone, since it has expired or somebody deleted it, is
// created again with its count.
func restoresSeries(t *testing.T, r *recording) {
	object := r.object(t)
	first := r.reportTwice(t, object)
	if err := r.s.Admin.EventsV1().Events(r.namespace).Delete(t.Context(), first.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.report(object, "third")
	restored := r.refresh(t, object, 3)
	if restored.Name != first.Name || restored.UID == first.UID || !restored.EventTime.Equal(&first.EventTime) {
		t.Errorf("deleted %+v, restored %+v", first, restored)
	}
}

// reportTwice makes a series of which the server knows.
func (r *recording) reportTwice(t *testing.T, object *corev1.ConfigMap) *eventsv1.Event {
	t.Helper()
	r.report(object, "first")
	r.wait(t, object, single)
	r.report(object, "second")
	return r.wait(t, object, counted(2))
}

// refresh makes the recorder send what it has counted until that is at least n.
// It may be more: a report that comes late meets the broadcaster sending twice.
func (r *recording) refresh(t *testing.T, object *corev1.ConfigMap, n int32) *eventsv1.Event {
	t.Helper()
	var series *eventsv1.Event
	clustertest.Eventually(t, fmt.Sprintf("the count to reach %d", n), func(ctx context.Context) error {
		if err := r.send(t.Context()); err != nil {
			return err
		}
		list, err := r.s.Admin.EventsV1().Events(r.namespace).List(ctx, metav1.ListOptions{FieldSelector: "regarding.uid=" + string(object.UID)})
		if err != nil {
			return err
		}
		if len(list.Items) != 1 || list.Items[0].Series == nil || list.Items[0].Series.Count < n {
			return fmt.Errorf("the events are %+v", list.Items)
		}
		series = &list.Items[0]
		return nil
	})
	return series
}

// What differs in what happened is another event, whatever the note says.
func tellsApart(t *testing.T, r *recording) {
	object := r.object(t)
	r.Eventf(object, nil, corev1.EventTypeNormal, "Started", "Start", "x")
	r.Eventf(object, nil, corev1.EventTypeWarning, "Started", "Start", "x")
	r.Eventf(object, nil, corev1.EventTypeNormal, "Stopped", "Start", "x")
	r.Eventf(object, nil, corev1.EventTypeNormal, "Started", "Restart", "x")
	r.Eventf(object, object, corev1.EventTypeNormal, "Started", "Start", "x")
	r.s.waitEvents(t, r.namespace, "regarding.uid="+string(object.UID), 5, single)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	typedeventsv1 "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// testTypedClient checks that a client of each wire format reads and follows
// what a client of the other writes.
func testTypedClient(t *testing.T, s *suite) {
	formats := map[string]string{"json": runtime.ContentTypeJSON, "protobuf": runtime.ContentTypeProtobuf}
	for writing, reading := range map[string]string{"json": "protobuf", "protobuf": "json"} {
		t.Run(writing+" to "+reading, func(t *testing.T) {
			namespace := s.MakeNamespace(t, "typed-"+writing)
			writer := typedClient(t, s.Rest, formats[writing]).Events(namespace)
			reader := typedClient(t, s.Rest, formats[reading]).Events(namespace)
			testLife(t, writer, reader, newEvent(namespace, "a"))
		})
	}
}

func typedClient(t *testing.T, config *rest.Config, contentType string) typedeventsv1.EventsV1Interface {
	t.Helper()
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = contentType, contentType
	client, err := typedeventsv1.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// testLife leads one event from its creation to its end, with a watch beside.
func testLife(t *testing.T, writer, reader typedeventsv1.EventInterface, event *eventsv1.Event) {
	t.Helper()
	watcher := watchFromNow(t, reader)
	created, err := writer.Create(t.Context(), event, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating: %v", err)
	}
	got, err := reader.Get(t.Context(), event.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("getting: %v", err)
	}
	expectSame(t, "created (-) and got (+)", created, got)
	expectSame(t, "created (-) and watched (+)", created, nextChange(t, watcher, watch.Added))

	created.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()}
	updated, err := writer.Update(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatalf("updating: %v", err)
	}
	expectSame(t, "updated (-) and watched (+)", updated, nextChange(t, watcher, watch.Modified))

	patched, err := writer.Patch(t.Context(), event.Name, types.StrategicMergePatchType, []byte(`{"series":{"count":3}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatalf("patching: %v", err)
	}
	if err := counted(3)(patched); err != nil {
		t.Errorf("patched: %v", err)
	}
	expectSame(t, "patched (-) and watched (+)", patched, nextChange(t, watcher, watch.Modified))

	if err := writer.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "regarding.uid=" + string(event.Regarding.UID)}); err != nil {
		t.Fatalf("deleting what is about the object: %v", err)
	}
	if deleted := nextChange(t, watcher, watch.Deleted); deleted.UID != created.UID {
		t.Errorf("deleted is %s, want %s", deleted.UID, created.UID)
	}
	if _, err := reader.Get(t.Context(), event.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("getting what is deleted: got %v, want NotFound", err)
	}
}

func watchFromNow(t *testing.T, client typedeventsv1.EventInterface) watch.Interface {
	t.Helper()
	list, err := client.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatalf("listing: %v", err)
	}
	timeout := int64(clustertest.Limit.Seconds())
	watcher, err := client.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion, TimeoutSeconds: &timeout})
	if err != nil {
		t.Fatalf("watching: %v", err)
	}
	t.Cleanup(watcher.Stop)
	return watcher
}

// nextChange returns the next watched event; the watch's own timeout bounds it.
func nextChange(t *testing.T, watcher watch.Interface, kind watch.EventType) *eventsv1.Event {
	t.Helper()
	change, open := <-watcher.ResultChan()
	if !open {
		t.Fatalf("the watch ended before %s", kind)
	}
	event, ok := change.Object.(*eventsv1.Event)
	if !ok || change.Type != kind {
		t.Fatalf("watched %s of %T, want %s of an event: %+v", change.Type, change.Object, kind, change.Object)
	}
	return event
}

// expectSame compares but for the kind, which some decoders fill in and others
// leave out.
func expectSame(t *testing.T, what string, want, got *eventsv1.Event) {
	t.Helper()
	want, got = want.DeepCopy(), got.DeepCopy()
	want.TypeMeta, got.TypeMeta = metav1.TypeMeta{}, metav1.TypeMeta{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differ:\n%s", what, diff)
	}
}

// testUntypedClients reads with the clients of programs that do not know the
// type: the garbage collector, backup tools, dashboards.
func testUntypedClients(t *testing.T, s *suite) {
	namespace := s.MakeNamespace(t, "untyped")
	created := s.create(t, namespace, "a")
	events := eventsv1.SchemeGroupVersion.WithResource("events")

	unknowing, err := dynamic.NewForConfig(s.Rest)
	if err != nil {
		t.Fatal(err)
	}
	object, err := unknowing.Resource(events).Namespace(namespace).Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatalf("getting with the dynamic client: %v", err)
	}
	var got eventsv1.Event
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &got); err != nil {
		t.Fatal(err)
	}
	expectSame(t, "created (-) and got with the dynamic client (+)", created, &got)

	metadataOnly, err := metadata.NewForConfig(s.Rest)
	if err != nil {
		t.Fatal(err)
	}
	list, err := metadataOnly.Resource(events).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("listing with the metadata client: %d objects, %v", len(list.Items), err)
	}
	if diff := cmp.Diff(created.ObjectMeta, list.Items[0].ObjectMeta); diff != "" {
		t.Errorf("created (-) and listed with the metadata client (+):\n%s", diff)
	}
	if err := metadataOnly.Resource(events).Namespace(namespace).Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Errorf("deleting with the metadata client: %v", err)
	}
	if _, err := s.Admin.EventsV1().Events(namespace).Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("getting what the metadata client deleted: got %v, want NotFound", err)
	}
}

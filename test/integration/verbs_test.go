// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	applyeventsv1 "k8s.io/client-go/applyconfigurations/events/v1"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"

	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// Every verb through the typed client, in both wire formats it can speak.
func TestTypedClient(t *testing.T) {
	t.Parallel()
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testTypedClient(t, store(t))
		})
	}
}

func testTypedClient(t *testing.T, config testserver.Config) {
	t.Helper()
	server := testserver.Start(t, config)
	for name, contentType := range map[string]string{"json": runtime.ContentTypeJSON, "protobuf": runtime.ContentTypeProtobuf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientFor(t, server.Admin, contentType)
			t.Run("create and get", func(t *testing.T) { testCreateAndGet(t, client, name) })
			t.Run("update", func(t *testing.T) { testUpdate(t, client, name) })
			t.Run("patch", func(t *testing.T) { testPatch(t, client, name) })
			t.Run("apply", func(t *testing.T) { testApply(t, client, name) })
			t.Run("list", func(t *testing.T) { testList(t, client, name+"-list") })
			t.Run("watch", func(t *testing.T) { testWatch(t, client, name+"-watch") })
			t.Run("delete", func(t *testing.T) { testDelete(t, client, name) })
			t.Run("delete collection", func(t *testing.T) { testDeleteCollection(t, client, name+"-collection") })
		})
	}
}

func testCreateAndGet(t *testing.T, client eventsclient.EventsV1Interface, name string) {
	created := create(t, client, newEvent(name+"-create"))
	if created.UID == "" || created.ResourceVersion == "" || created.CreationTimestamp.IsZero() {
		t.Errorf("the server filled in too little: %+v", created.ObjectMeta)
	}
	got, err := client.Events(namespace).Get(t.Context(), created.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created, got); diff != "" {
		t.Errorf("created (-) and got (+) differ:\n%s", diff)
	}
	if _, err := client.Events(namespace).Create(t.Context(), newEvent(created.Name), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("creating it again: got %v, want AlreadyExists", err)
	}
	invalid := newEvent(name + "-invalid")
	invalid.Type = "Odd"
	if _, err := client.Events(namespace).Create(t.Context(), invalid, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("creating an invalid one: got %v, want Invalid", err)
	}
}

func testUpdate(t *testing.T, client eventsclient.EventsV1Interface, name string) {
	created := create(t, client, newEvent(name+"-update"))
	changed := created.DeepCopy()
	changed.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NewMicroTime(created.EventTime.Add(time.Second))}
	updated, err := client.Events(namespace).Update(t.Context(), changed, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Series == nil || updated.Series.Count != 2 || updated.ResourceVersion == created.ResourceVersion {
		t.Errorf("not updated: %+v", updated)
	}
	if _, err := client.Events(namespace).Update(t.Context(), changed, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("updating from an old version: got %v, want Conflict", err)
	}
	updated.Note = "another"
	if _, err := client.Events(namespace).Update(t.Context(), updated, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("changing the note: got %v, want Invalid", err)
	}
}

func testPatch(t *testing.T, client eventsclient.EventsV1Interface, name string) {
	created := create(t, client, newEvent(name+"-patch"))
	patches := map[types.PatchType]string{
		types.JSONPatchType:           `[{"op":"add","path":"/metadata/labels","value":{"json":"yes"}}]`,
		types.MergePatchType:          `{"metadata":{"labels":{"merge":"yes"}}}`,
		types.StrategicMergePatchType: `{"metadata":{"labels":{"strategic":"yes"}}}`,
	}
	for _, kind := range []types.PatchType{types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType} {
		if _, err := client.Events(namespace).Patch(t.Context(), created.Name, kind, []byte(patches[kind]), metav1.PatchOptions{}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	got, err := client.Events(namespace).Get(t.Context(), created.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"json": "yes", "merge": "yes", "strategic": "yes"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func testApply(t *testing.T, client eventsclient.EventsV1Interface, name string) {
	name += "-apply"
	desired := newEvent(name)
	data, err := json.Marshal(desired)
	if err != nil {
		t.Fatal(err)
	}
	configuration := applyeventsv1.Event(name, namespace)
	if err := json.Unmarshal(data, configuration); err != nil {
		t.Fatal(err)
	}
	configuration.WithAPIVersion("events.k8s.io/v1").WithKind("Event").WithLabels(map[string]string{"owner": "first"})
	configuration.CreationTimestamp, configuration.DeprecatedSource = nil, nil
	configuration.DeprecatedFirstTimestamp, configuration.DeprecatedLastTimestamp = nil, nil
	applied, err := client.Events(namespace).Apply(t.Context(), configuration, metav1.ApplyOptions{FieldManager: "first"})
	if err != nil {
		t.Fatalf("creating by apply: %v", err)
	}
	if applied.Labels["owner"] != "first" || len(applied.ManagedFields) != 1 || applied.ManagedFields[0].Manager != "first" {
		t.Errorf("applied as %+v", applied.ObjectMeta)
	}
	other := applyeventsv1.Event(name, namespace).WithLabels(map[string]string{"owner": "second"})
	if _, err := client.Events(namespace).Apply(t.Context(), other, metav1.ApplyOptions{FieldManager: "second"}); !apierrors.IsConflict(err) {
		t.Errorf("applying another's field: got %v, want Conflict", err)
	}
	forced, err := client.Events(namespace).Apply(t.Context(), other, metav1.ApplyOptions{FieldManager: "second", Force: true})
	if err != nil || forced.Labels["owner"] != "second" {
		t.Errorf("applying with force: got %v, %v", forced.Labels, err)
	}
}

// listNamespace keeps lists apart from what other tests create.
func testList(t *testing.T, client eventsclient.EventsV1Interface, listNamespace string) {
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		event := newEvent(name)
		event.Namespace, event.Regarding.Namespace = listNamespace, listNamespace
		event.Labels = map[string]string{"name": name}
		create(t, client, event)
	}
	lists := map[string]struct {
		options metav1.ListOptions
		want    []string
	}{
		"everything":          {metav1.ListOptions{}, []string{"a", "b", "c", "d", "e"}},
		"by uid":              {metav1.ListOptions{FieldSelector: "regarding.uid=uid-b"}, []string{"b"}},
		"by name":             {metav1.ListOptions{FieldSelector: "metadata.name=c"}, []string{"c"}},
		"by what is the same": {metav1.ListOptions{FieldSelector: "reason=Started,type=Normal,regarding.kind!=Node"}, []string{"a", "b", "c", "d", "e"}},
		"by label":            {metav1.ListOptions{LabelSelector: "name in (d, e)"}, []string{"d", "e"}},
		"by nothing there is": {metav1.ListOptions{FieldSelector: "reason=Other"}, nil},
		"from any version":    {metav1.ListOptions{ResourceVersion: "0", FieldSelector: "regarding.name=pod-a"}, []string{"a"}},
	}
	for name, list := range lists {
		got, err := client.Events(listNamespace).List(t.Context(), list.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(list.want, names(got.Items)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := client.Events(listNamespace).List(t.Context(), metav1.ListOptions{FieldSelector: "note=x"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a field label that is none: got %v, want BadRequest", err)
	}
	if page, err := client.Events(listNamespace).List(t.Context(), metav1.ListOptions{ResourceVersion: "0", Limit: 2}); err != nil || len(page.Items) != 2 || page.Continue == "" {
		t.Errorf("a page from any version: %v, continue %q, %v", names(page.Items), page.Continue, err)
	}
	if _, err := client.Events(listNamespace).Get(t.Context(), "a", metav1.GetOptions{ResourceVersion: "none"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a version that is none: got %v, want BadRequest", err)
	}
	testPages(t, client, listNamespace)
}

// testPages reads pages while events are created and deleted: a continued list
// must show the collection as it was at the first page.
func testPages(t *testing.T, client eventsclient.EventsV1Interface, listNamespace string) {
	t.Helper()
	events := client.Events(listNamespace)
	page, err := events.List(t.Context(), metav1.ListOptions{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if page.Continue == "" || page.RemainingItemCount == nil || *page.RemainingItemCount != 3 {
		t.Errorf("first page: continue %q, remaining %v; want 3 remaining", page.Continue, page.RemainingItemCount)
	}
	if err := events.Delete(t.Context(), "e", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	late := newEvent("cc")
	late.Namespace, late.Regarding.Namespace = listNamespace, listNamespace
	create(t, client, late)
	got := names(page.Items)
	for page.Continue != "" {
		if page, err = events.List(t.Context(), metav1.ListOptions{Limit: 2, Continue: page.Continue}); err != nil {
			t.Fatal(err)
		}
		got = append(got, names(page.Items)...)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, got); diff != "" {
		t.Errorf("all pages (-want +got):\n%s", diff)
	}
}

func testWatch(t *testing.T, client eventsclient.EventsV1Interface, watchNamespace string) {
	inNamespace := func(name string) *eventsv1.Event {
		event := newEvent(name)
		event.Namespace, event.Regarding.Namespace = watchNamespace, watchNamespace
		return event
	}
	before := create(t, client, inNamespace("before"))
	timeout := int64(waitTimeout / time.Second)
	all, err := client.Events(watchNamespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion, TimeoutSeconds: &timeout})
	if err != nil {
		t.Fatal(err)
	}
	defer all.Stop()
	one, err := client.Events(watchNamespace).Watch(t.Context(), metav1.ListOptions{
		ResourceVersion: before.ResourceVersion, TimeoutSeconds: &timeout, FieldSelector: "regarding.uid=uid-b",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Stop()
	create(t, client, inNamespace("a"))
	b := create(t, client, inNamespace("b"))
	b.Labels = map[string]string{"changed": "yes"}
	if _, err := client.Events(watchNamespace).Update(t.Context(), b, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.Events(watchNamespace).Delete(t.Context(), "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ofB := []string{"ADDED b", "MODIFIED b", "DELETED b"}
	expectChanges(t, "everything", all, append([]string{"ADDED a"}, ofB...))
	expectChanges(t, "one object", one, ofB)
}

func expectChanges(t *testing.T, name string, watcher watch.Interface, want []string) {
	t.Helper()
	var got []string
	for len(got) < len(want) {
		change, open := <-watcher.ResultChan()
		if !open {
			break
		}
		event, ok := change.Object.(*eventsv1.Event)
		if !ok {
			t.Fatalf("%s: watched a %T", name, change.Object)
		}
		got = append(got, string(change.Type)+" "+event.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("watch of %s (-want +got):\n%s", name, diff)
	}
}

func testDelete(t *testing.T, client eventsclient.EventsV1Interface, name string) {
	created := create(t, client, newEvent(name+"-delete"))
	events := client.Events(namespace)
	wrong := types.UID("wrong")
	if err := events.Delete(t.Context(), created.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}}); !apierrors.IsConflict(err) {
		t.Errorf("with another's uid: got %v, want Conflict", err)
	}
	if err := events.Delete(t.Context(), created.Name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("dry run: %v", err)
	}
	if err := events.Delete(t.Context(), created.Name, metav1.DeleteOptions{}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := events.Get(t.Context(), created.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after delete: got %v, want NotFound", err)
	}
}

func testDeleteCollection(t *testing.T, client eventsclient.EventsV1Interface, collectionNamespace string) {
	for _, name := range []string{"a", "b", "c"} {
		event := newEvent(name)
		event.Namespace, event.Regarding.Namespace = collectionNamespace, collectionNamespace
		create(t, client, event)
	}
	events := client.Events(collectionNamespace)
	for _, step := range []struct {
		selector string
		left     []string
	}{{"regarding.uid=uid-b", []string{"a", "c"}}, {"", nil}} {
		if err := events.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: step.selector}); err != nil {
			t.Fatalf("%q: %v", step.selector, err)
		}
		list, err := events.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.left, names(list.Items)); diff != "" {
			t.Errorf("left after %q (-want +got):\n%s", step.selector, diff)
		}
	}
}

func names(items []eventsv1.Event) []string {
	var result []string
	for i := range items {
		result = append(result, items[i].Name)
	}
	return result
}

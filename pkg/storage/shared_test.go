// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

func TestWatchersShareOneEncoding(t *testing.T) {
	t.Parallel()
	const watchers = 10
	f := newFixture(t)
	var watches []watch.Interface
	for range watchers {
		w, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: "1", Recursive: true, Predicate: storage.Everything})
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
	}
	createPods(t, f.store, "ns", 1)
	encoded := &counter{}
	encode := func(obj runtime.Object, w io.Writer) error {
		encoded.add()
		pod, ok := obj.(*example.Pod)
		if !ok {
			return errors.New("not a pod")
		}
		// Encoders do set the kind. The other watchers must not see it.
		pod.Kind = "Changed"
		_, err := io.WriteString(w, pod.Name)
		return err
	}
	var clients sync.WaitGroup
	for _, w := range watches {
		obj := nextEvent(t, w).Object
		shared, ok := obj.(runtime.CacheableObject)
		if !ok {
			t.Fatal("the object is no runtime.CacheableObject")
		}
		clients.Go(func() {
			got := &bytes.Buffer{}
			if err := shared.CacheEncode("test", encode, got); err != nil || got.String() != "pod-00000" {
				t.Errorf("got %q, %v", got, err)
			}
			if kind := obj.GetObjectKind().GroupVersionKind().Kind; kind == "Changed" {
				t.Error("an encoder wrote to the shared object")
			}
		})
	}
	clients.Wait()
	if encoded.get() != 1 {
		t.Errorf("encoded %d times for %d watchers", encoded.get(), watchers)
	}
}

func TestSharedObjectCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	shared := newSharedObject(&example.Pod{ObjectMeta: metav1.ObjectMeta{Name: "before"}})
	for name, write := range map[string]func(){
		"object": func() { rename(t, shared.GetObject()) },
		"meta":   func() { rename(t, shared) },
		"copy":   func() { rename(t, shared.DeepCopyObject()) },
		"kind": func() {
			shared.GetObjectKind().SetGroupVersionKind(example.SchemeGroupVersion.WithKind("Changed"))
		},
	} {
		write()
		pod := podOf(watch.Event{Object: shared})
		if pod.Name != "before" || pod.Kind != "" {
			t.Errorf("%s: wrote %s %s", name, pod.Kind, pod.Name)
		}
	}
}

func rename(t *testing.T, obj runtime.Object) {
	t.Helper()
	accessor, err := meta.Accessor(obj)
	if err != nil {
		t.Fatal(err)
	}
	accessor.SetName("after")
}

func TestSharedObjectKeepsErrorsOfEncoding(t *testing.T) {
	t.Parallel()
	shared := newSharedObject(&example.Pod{})
	fail := func(runtime.Object, io.Writer) error { return errSynthetic }
	for range 2 {
		if err := shared.CacheEncode("test", fail, io.Discard); !errors.Is(err, errSynthetic) {
			t.Errorf("got %v", err)
		}
	}
}

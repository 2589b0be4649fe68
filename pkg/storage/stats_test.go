// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

func TestOldestWrite(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const ttl = 1000
	at := func(second int64) metav1.Time { return metav1.Unix(second, 0) }
	put := func(name string, written metav1.Time, ttl uint64) {
		t.Helper()
		pod := podNamed(name)
		pod.CreationTimestamp = written
		if err := f.store.Create(t.Context(), "/pods/ns/"+name, pod, nil, ttl); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when string, want time.Time) {
		t.Helper()
		// The engine removes expired objects once a second on its own.
		if err := f.engine.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := f.store.config.OldestWrite(t.Context())
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %s and %v, want %s", when, got, err, want)
		}
	}
	expect("nothing is stored", time.Time{})
	put("for-ever", at(1), 0)
	expect("nothing expires", time.Time{})
	put("a", at(10), ttl)
	put("b", at(20), 2*ttl)
	expect("two", at(10).Time)

	later := at(30)
	err := f.store.GuaranteedUpdate(t.Context(), "/pods/ns/a", &example.Pod{}, false, nil, storage.SimpleUpdate(onto("node")), nil)
	if err != nil {
		t.Fatal(err)
	}
	expect("the first lives without end now", at(20).Time)
	put("c", at(15), ttl)
	writeAgain := func(obj *example.Pod) {
		obj.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "first"}, {Manager: "second", Time: &later}}
	}
	err = f.store.GuaranteedUpdate(t.Context(), "/pods/ns/c", &example.Pod{}, false, nil, updatePod(writeAgain, ttl), nil)
	if err != nil {
		t.Fatal(err)
	}
	expect("written again", later.Time)
}

func TestOldestWriteThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var undecodable counter
	codec := &failingCodec{Codec: podCodec(t)}
	f := newFixture(t, func(config *Config) {
		config.Codec = codec
		config.Observer.Undecodable = undecodable.add
	})
	if err := f.store.Create(t.Context(), "/pods/ns/pod", podNamed("pod"), nil, 1000); err != nil {
		t.Fatal(err)
	}
	if err := f.engine.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	codec.on.Store(true)
	if written, err := f.store.config.OldestWrite(t.Context()); err == nil {
		t.Errorf("got %s for an object that cannot be decoded", written)
	}
	if undecodable.get() != 1 {
		t.Errorf("Undecodable was called %d times, want 1", undecodable.get())
	}
}

// updatePod returns an update with a time to live in seconds.
func updatePod(change func(*example.Pod), ttl uint64) storage.UpdateFunc {
	return func(obj runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		pod, ok := obj.(*example.Pod)
		if !ok {
			return nil, nil, fmt.Errorf("not a pod: %T", obj)
		}
		change(pod)
		return pod, &ttl, nil
	}
}

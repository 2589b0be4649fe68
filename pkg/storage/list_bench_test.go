// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// BenchmarkFirstPage lists first pages of very large collections.
func BenchmarkFirstPage(b *testing.B) {
	const pods, writers = 200_000, 64
	f := newFixture(b)
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() {
			for n := writer; n < pods; n += writers {
				pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprintf("pod-%06d", n)}}
				data, err := runtime.Encode(f.codec, pod)
				if err == nil {
					_, err = f.engine.Commit(b.Context(), engine.Op{Key: []byte("/pods/ns/" + pod.Name), Value: append([]byte(sealPrefix), data...)})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if _, err := f.engine.Commit(b.Context(), engine.Op{Key: []byte("/other"), Value: []byte("no pod")}); err != nil {
		b.Fatal(err)
	}
	for _, prefix := range []string{"/pods/ns/", "/pods/"} {
		for _, limit := range []int64{2, 500} {
			b.Run(fmt.Sprintf("%s/limit=%d", prefix, limit), func(b *testing.B) {
				predicate := onNode("")
				predicate.Limit = limit
				for b.Loop() {
					list := &example.PodList{}
					if err := f.store.GetList(b.Context(), prefix, storage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
						b.Fatal(err)
					}
					if got := list.RemainingItemCount; got != nil && *got != pods-limit {
						b.Fatalf("%d remain", *got)
					}
				}
			})
		}
	}
}

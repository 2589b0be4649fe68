// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"testing"

	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/utils/ptr"
)

func TestRemainingItemCount(t *testing.T) {
	t.Parallel()
	const pods, limit = 30, 10
	f := newFixture(t, func(config *Config) { config.RemainingCountLimit = limit })
	createPods(t, f.store, "ns", pods)
	for _, test := range []struct {
		name, key string
		// size is that of the pages, page the number of the one to look at.
		size int64
		page int
		node string
		want *int64
	}{
		{"all behind are counted", "/pods/ns/", 20, 1, "", ptr.To[int64](10)},
		{"too many behind a page of a namespace", "/pods/ns/", 19, 1, "", nil},
		{"too many behind a first page of all", "/pods/", 5, 1, "", ptr.To[int64](25)},
		{"too many behind a second page of all", "/pods/", 5, 2, "", nil},
		{"few behind a later page", "/pods/", 5, 5, "", ptr.To[int64](5)},
		{"none behind", "/pods/", 10, 3, "", nil},
		{"a selector", "/pods/", 1, 1, "node-1", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			predicate := onNode(test.node)
			predicate.Limit = test.size
			list := &example.PodList{}
			for range test.page {
				predicate.Continue = list.Continue
				list = &example.PodList{}
				if err := f.store.GetList(t.Context(), test.key, storage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
					t.Fatal(err)
				}
			}
			if !ptr.Equal(list.RemainingItemCount, test.want) {
				t.Errorf("got %d, want %d", ptr.Deref(list.RemainingItemCount, -1), ptr.Deref(test.want, -1))
			}
			if int64(len(list.Items)) != test.size {
				t.Errorf("got %d items", len(list.Items))
			}
		})
	}
}

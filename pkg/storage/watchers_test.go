// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"k8s.io/apiserver/pkg/apis/example"
)

func TestIndexedWatchers(t *testing.T) {
	t.Parallel()
	scopes := map[string]scope{
		"everything":      {key: "/pods/", recursive: true},
		"namespace a":     {key: "/pods/a/", recursive: true},
		"namespace ab":    {key: "/pods/ab/", recursive: true},
		"key a/x":         {key: "/pods/a/x"},
		"key a/xy":        {key: "/pods/a/xy"},
		"node 1":          {key: "/pods/", recursive: true, pin: pin{1, "1"}},
		"node 2":          {key: "/pods/", recursive: true, pin: pin{1, "2"}},
		"node 1 of a":     {key: "/pods/a/", recursive: true, pin: pin{1, "1"}},
		"node 1 of ab":    {key: "/pods/ab/", recursive: true, pin: pin{1, "1"}},
		"the prefix only": {key: "/pods/"},
	}
	for _, test := range []struct {
		name string
		from *change
		was  string
		is   string
		want []string
	}{
		{"created", &change{key: "/pods/a/x", created: true}, "", "1", []string{"everything", "key a/x", "namespace a", "node 1", "node 1 of a"}},
		{"moved", &change{key: "/pods/a/x"}, "1", "2", []string{"everything", "key a/x", "namespace a", "node 1", "node 1 of a", "node 2"}},
		{"stays", &change{key: "/pods/a/x"}, "1", "1", []string{"everything", "key a/x", "namespace a", "node 1", "node 1 of a"}},
		{"deleted", &change{key: "/pods/ab/z", deleted: true}, "2", "", []string{"everything", "namespace ab", "node 2"}},
		{"no node", &change{key: "/pods/ab/z", created: true}, "", "", []string{"everything", "namespace ab"}},
		{"unreadable", &change{key: "/pods/a/q", created: true}, "", "error", []string{"everything", "namespace a", "node 1", "node 1 of a", "node 2"}},
		{"of another resource", &change{key: "/nodes/a/x", created: true}, "", "1", nil},
		{"the prefix", &change{key: "/pods/", created: true}, "", "", []string{"everything", "the prefix only"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			indexed, names := newIndexedWatchers([]Index{{Field: "spec.nodeName", Value: nodeName}}), map[*watcher]string{}
			for name, scope := range scopes {
				w := &watcher{scope: scope}
				names[w] = name
				indexed.add(w)
			}
			c := test.from
			podOn(&c.before, test.was)
			podOn(&c.now, test.is)
			var got []string
			indexed.forEach(c, func(w *watcher) { got = append(got, names[w]) })
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for w := range names {
				indexed.remove(w)
				indexed.remove(w)
			}
			if left := len(indexed.byScope) + len(indexed.byPrefix) + indexed.pins[0]; left != 0 {
				t.Errorf("%d entries are left after all watchers were removed", left)
			}
		})
	}
}

// podOn opens the object as a pod on the node.
func podOn(object *lazyObject, node string) {
	object.once.Do(func() {
		if node == "error" {
			object.err = errSynthetic
			return
		}
		object.object = newSharedObject(&example.Pod{Spec: example.PodSpec{NodeName: node}})
	})
}

// BenchmarkDispatch shows that the cost of a change depends on the watchers that select
// it and not on all watchers.
func BenchmarkDispatch(b *testing.B) {
	for _, watchers := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("watchers=%d", watchers), func(b *testing.B) {
			indexed := newIndexedWatchers([]Index{{Field: "spec.nodeName", Value: nodeName}})
			for n := range watchers {
				indexed.add(&watcher{scope: scope{key: "/pods/", recursive: true, pin: pin{1, strconv.Itoa(n)}}})
			}
			c := &change{key: "/pods/a/x", created: true}
			podOn(&c.now, "7")
			for b.Loop() {
				indexed.forEach(c, func(*watcher) {})
			}
		})
	}
}

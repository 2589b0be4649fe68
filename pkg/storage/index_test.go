// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// TestIndexedListsEqualScans lists the same pods from a store with and one
// without index.
func TestIndexedListsEqualScans(t *testing.T) {
	t.Parallel()
	evaluated := map[string]int{}
	observe := func(config *Config) {
		config.Observer.Listed = func(index string, count, _ int, _ time.Duration) { evaluated[index] += count }
	}
	for _, adjust := range []struct {
		name   string
		config func(*Config)
	}{
		{"plain", func(*Config) {}},
		{"hashed", func(config *Config) { config.IndexSecret = []byte("secret") }},
		{"shared", sharedWithName},
		{"shared and hashed", func(config *Config) {
			sharedWithName(config)
			config.IndexSecret = []byte("secret")
		}},
	} {
		indexed, scanned := newFixture(t, indexedByNode, adjust.config, observe), newFixture(t)
		for _, f := range []*fixture{indexed, scanned} {
			createPods(t, f.store, "a", 50)
			createPods(t, f.store, "b", 50)
			moveToNode(t, f.store, "/pods/a/pod-00007", "node-1")
		}
		for _, key := range []string{"/pods/", "/pods/a/", "/pods/none/"} {
			for _, node := range []string{"node-1", "node-7", "node-none", strings.Repeat("long", 1000)} {
				clear(evaluated)
				got, want := listNode(t, indexed, key, node, 3), listNode(t, scanned, key, node, 3)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s on %.10s (-scanned +indexed)\n%s", adjust.name, key, node, diff)
				}
				if evaluated["spec.nodeName"] != len(got) {
					t.Errorf("%s: %s on %.10s: evaluated %d objects of the index for %d", adjust.name, key, node, evaluated["spec.nodeName"], len(got))
				}
			}
		}
	}
}

// sharedWithName indexes the node and the name in one index. Some names are empty.
func sharedWithName(config *Config) {
	lastDigit := func(obj runtime.Object) string {
		pod, ok := obj.(*example.Pod)
		if !ok {
			return ""
		}
		return strings.TrimSuffix(pod.Name[len(pod.Name)-1:], "0")
	}
	config.Indexes = []Index{
		{Field: "metadata.name", Value: lastDigit, LowCardinality: true},
		{Field: "spec.nodeName", Value: nodeName, LowCardinality: true},
	}
}

func TestHasPart(t *testing.T) {
	t.Parallel()
	value := func(text string) Index {
		return Index{Field: text, LowCardinality: true, Value: func(runtime.Object) string { return text }}
	}
	config := Config{Indexes: []Index{value("abc"), value(""), value(strings.Repeat("long", 40)), value("d")}}.withDefaults()
	combined := config.valueOf(config.sets[0], nil)
	for at, index := range config.Indexes {
		for _, text := range []string{"", "a", "abc", "abcd", "d", strings.Repeat("long", 40)} {
			if got := hasPart(combined, at, []byte(text)); got != (index.Field == text) {
				t.Errorf("position %d has %.10q: %v", at, text, got)
			}
		}
	}
	for n := range combined {
		if hasPart(combined[:n], 3, []byte("d")) {
			t.Errorf("truncated after %d bytes it still has its last part", n)
		}
	}
	if hasPart(combined, 4, nil) {
		t.Error("it has a part after the last")
	}
	if empty := (Config{Indexes: []Index{value("")}}).withDefaults(); empty.valueOf(empty.sets[0], nil) != nil {
		t.Error("an object without any value is in the index")
	}
}

func TestEngineIndexes(t *testing.T) {
	t.Parallel()
	config := Config{ResourcePrefix: "/pods", Indexes: []Index{{Field: "a", LowCardinality: true}, {Field: "b"}, {Field: "c", LowCardinality: true}}}
	var got []string
	for _, index := range config.EngineIndexes() {
		got = append(got, fmt.Sprintf("%s %v", index.Name, index.LowCardinality))
	}
	if diff := cmp.Diff([]string{"a,c true", "b false"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for field, want := range map[string]string{"a": "a,c", "b": "b", "c": "a,c"} {
		if got := config.EngineIndex(field); got != want {
			t.Errorf("the index with %s is %s, want %s", field, got, want)
		}
	}
}

// listNode returns the keys of the pods on a node, read in pages.
func listNode(t *testing.T, f *fixture, key, node string, limit int64) []string {
	t.Helper()
	predicate := onNode(node)
	predicate.Limit = limit
	var keys []string
	for {
		list := &example.PodList{}
		if err := f.store.GetList(t.Context(), key, storage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
			t.Fatal(err)
		}
		for _, pod := range list.Items {
			keys = append(keys, pod.Namespace+"/"+pod.Name+"@"+pod.ResourceVersion)
		}
		if predicate.Continue = list.Continue; predicate.Continue == "" {
			return keys
		}
	}
}

func moveToNode(t *testing.T, store storage.Interface, key, node string) {
	t.Helper()
	err := store.GuaranteedUpdate(t.Context(), key, &example.Pod{}, false, nil, storage.SimpleUpdate(onto(node)), nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestLongValuesAreIndexed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, indexedByNode)
	long := strings.Repeat("n", 2*engine.MaxIndexValueBytes)
	pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "pod"}, Spec: example.PodSpec{NodeName: long}}
	if err := f.store.Create(t.Context(), "/pods/ns/pod", pod, nil, 0); err != nil {
		t.Fatal(err)
	}
	if got := listNode(t, f, "/pods/", long, 0); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

// TestIndexOfSealedObjectsHasNoPlaintext searches the files of the engine.
func TestIndexOfSealedObjectsHasNoPlaintext(t *testing.T) {
	t.Parallel()
	const name = "node-that-nobody-may-know"
	for _, test := range []struct {
		name   string
		secret []byte
		found  bool
	}{
		{"without secret", nil, true},
		{"with secret", []byte("secret"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := Config{Codec: podCodec(t), ResourcePrefix: "/pods", Transformer: inverting{}, IndexSecret: test.secret}
			indexedByNode(&config)
			opened, err := engine.Open(engine.Config{Dir: dir, Indexes: config.EngineIndexes(), MinFreeBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t)
			config.Engine, config.NewFunc = opened, f.store.config.NewFunc
			store, destroy, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "pod"}, Spec: example.PodSpec{NodeName: name}}
			if err := store.Create(t.Context(), "/pods/ns/pod", pod, nil, 0); err != nil {
				t.Fatal(err)
			}
			destroy()
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
			if found := filesContain(t, dir, name); found != test.found {
				t.Errorf("found the value in the files: %v", found)
			}
		})
	}
}

// inverting is a transformer that inverts all bits: plaintext is not found in a search.
type inverting struct{}

func (inverting) TransformFromStorage(_ context.Context, data []byte, _ value.Context) ([]byte, bool, error) {
	return invert(data), false, nil
}

func (inverting) TransformToStorage(_ context.Context, data []byte, _ value.Context) ([]byte, error) {
	return invert(data), nil
}

func invert(data []byte) []byte {
	inverted := make([]byte, len(data))
	for i := range data {
		inverted[i] = ^data[i]
	}
	return inverted
}

func filesContain(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	files := os.DirFS(dir)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPinned(t *testing.T) {
	t.Parallel()
	config := Config{Indexes: []Index{{Field: "uid"}, {Field: "name"}}}
	for _, test := range []struct {
		selector string
		want     pin
	}{
		{"", pin{}},
		{"name=a", pin{2, "a"}},
		{"name=a,uid=b", pin{1, "b"}},
		{"name!=a", pin{}},
		{"uid=", pin{}},
		{"uid=,name=a", pin{2, "a"}},
		{"other=a", pin{}},
	} {
		selector, err := fields.ParseSelector(test.selector)
		if err != nil {
			t.Fatal(err)
		}
		if got := config.pinned(storage.SelectionPredicate{Field: selector}); got != test.want {
			t.Errorf("%q: got %v, want %v", test.selector, got, test.want)
		}
	}
	if got := config.pinned(storage.SelectionPredicate{}); got != (pin{}) {
		t.Errorf("without selector: got %v", got)
	}
}

func TestIndexKeysDifferByField(t *testing.T) {
	t.Parallel()
	config := Config{IndexSecret: []byte("secret")}
	seen := map[string]string{}
	for _, field := range []string{"a", "b"} {
		for _, value := range []string{"x", "y"} {
			key := string(config.indexKey(field, value))
			if other, ok := seen[key]; ok {
				t.Errorf("%s=%s has the key of %s", field, value, other)
			}
			seen[key] = fmt.Sprintf("%s=%s", field, value)
		}
	}
}

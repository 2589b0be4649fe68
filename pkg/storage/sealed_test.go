// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"crypto/aes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
	aestransformer "k8s.io/apiserver/pkg/storage/value/encrypt/aes"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// keyRing returns a transformer like that of an encryption configuration: it writes with
// the first provider and reads with all. The empty name stands for no encryption.
func keyRing(t *testing.T, names ...string) value.Transformer {
	t.Helper()
	var providers []value.PrefixTransformer
	for _, name := range names {
		if name == "" {
			providers = append(providers, value.PrefixTransformer{Transformer: identity.NewEncryptCheckTransformer()})
			continue
		}
		block, err := aes.NewCipher([]byte(strings.Repeat(name, 16)))
		if err != nil {
			t.Fatal(err)
		}
		transformer, err := aestransformer.NewGCMTransformer(block)
		if err != nil {
			t.Fatal(err)
		}
		providers = append(providers, value.PrefixTransformer{Transformer: transformer, Prefix: []byte("k8s:enc:aesgcm:v1:" + name + ":")})
	}
	return value.NewPrefixTransformers(errors.New("no matching key"), providers...)
}

// directory is a data directory that a test opens with several configs in turn.
type directory struct {
	*testing.T
	memory *vfs.MemFS
	engine *engine.Engine
	store  storage.Interface
	end    func()
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{T: t, memory: vfs.NewMem(), end: func() {}}
	t.Cleanup(func() { d.end() })
	return d
}

// reopen opens the directory with a store whose index is ready, or blocked by what
// cannot be read.
func (d *directory) reopen(transformer value.Transformer, secret string, adjust ...func(*Config)) {
	d.Helper()
	d.end()
	config := Config{
		Codec:          podCodec(d),
		NewFunc:        func() runtime.Object { return &example.Pod{} },
		GroupResource:  schema.GroupResource{Resource: "pods"},
		ResourcePrefix: "/pods",
		Transformer:    transformer,
		IndexSecret:    []byte(secret),
	}
	for _, change := range append(adjust, indexedByNode) {
		change(&config)
	}
	built := make(chan struct{}, 1)
	tried := func() {
		select {
		case built <- struct{}{}:
		default: // a later try
		}
	}
	opened, err := engine.Open(engine.Config{Dir: "data", FS: d.memory, Indexes: config.EngineIndexes(), HistoryRetention: -1, MinFreeBytes: -1,
		Listener: engine.Listener{
			IndexBuilt:   func(string, time.Duration) { tried() },
			IndexBlocked: func(string, int, error) { tried() },
		}})
	if err != nil {
		d.Fatal(err)
	}
	if name := config.EngineIndexes()[0].Name; !opened.IndexReady(name) {
		<-built
	}
	config.Engine = opened
	store, destroy, err := New(config)
	if err != nil {
		d.Fatal(err)
	}
	d.engine, d.store = opened, store
	d.end = func() {
		destroy()
		if err := opened.Close(); err != nil {
			d.Error(err)
		}
		d.end = func() {}
	}
}

func (d *directory) create(name, node string) {
	d.Helper()
	pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: example.PodSpec{NodeName: node}}
	if err := d.store.Create(d.Context(), "/pods/ns/"+name, pod, nil, 0); err != nil {
		d.Fatal(err)
	}
}

// list returns the names of the pods on a node.
func (d *directory) list(node string) ([]string, error) {
	d.Helper()
	list := &example.PodList{}
	err := d.store.GetList(d.Context(), "/pods/", storage.ListOptions{Recursive: true, Predicate: onNode(node)}, list)
	names := []string{}
	for _, pod := range list.Items {
		names = append(names, pod.Name)
	}
	return names, err
}

func (d *directory) wantList(node string, want ...string) {
	d.Helper()
	got, err := d.list(node)
	if err != nil || !slices.Equal(got, want) {
		d.Errorf("pods on %s: %q and %v, want %q", node, got, err, want)
	}
	if err := d.engine.Check(d.Context()); err != nil {
		d.Error(err)
	}
}

// rewrite updates the pod without changing it, like kubectl replace.
func (d *directory) rewrite(name string) {
	d.Helper()
	same := func(obj runtime.Object) (runtime.Object, error) { return obj, nil }
	err := d.store.GuaranteedUpdate(d.Context(), "/pods/ns/"+name, &example.Pod{}, false, nil, storage.SimpleUpdate(same), nil)
	if err != nil {
		d.Fatal(err)
	}
}

// sealedWith returns the prefix of the stored value.
func (d *directory) sealedWith(name string) string {
	d.Helper()
	record, _, err := d.engine.Get(d.Context(), []byte("/pods/ns/"+name), 0)
	if err != nil {
		d.Fatal(err)
	}
	prefix, _, sealed := strings.Cut(strings.TrimPrefix(string(record.Value), "k8s:enc:aesgcm:v1:"), ":")
	if !sealed || !strings.HasPrefix(string(record.Value), "k8s:enc:") {
		return ""
	}
	return prefix
}

// TestSealingChanges turns encryption on, changes its key, and turns it off again. Each
// time some pods are rewritten and others are not.
func TestSealingChanges(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.reopen(keyRing(t, ""), "")
	d.create("a", "n1")
	d.create("b", "n1")
	d.create("c", "n2")
	d.create("d", "n1")
	for _, step := range []struct {
		what   string
		keys   []string
		secret string
		// rewritten are the pods that are rewritten; sealed is what they are
		// sealed with afterwards.
		rewritten, sealed string
	}{
		{"on", []string{"A", ""}, "first", "ab", "A"},
		{"on, not rewritten", []string{"A", ""}, "first", "", ""},
		{"another key", []string{"B", "A", ""}, "first", "bc", "B"},
		{"another secret", []string{"B", "A", ""}, "second", "", ""},
		{"off", []string{"", "B", "A"}, "", "cd", ""},
		{"on again", []string{"C", "B", "A", ""}, "third", "abcd", "C"},
		{"only the new key", []string{"C"}, "third", "", ""},
	} {
		d.reopen(keyRing(t, step.keys...), step.secret)
		d.wantList("n1", "a", "b", "d")
		for name := range strings.SplitSeq(step.rewritten, "") {
			d.rewrite(name)
			if got := d.sealedWith(name); got != step.sealed {
				t.Errorf("%s: %s is sealed with %q, want %q", step.what, name, got, step.sealed)
			}
		}
		d.wantList("n1", "a", "b", "d")
		d.wantList("n2", "c")
		d.wantList("n3")
		if err := d.engine.Compact(t.Context(), d.engine.Revision()); err != nil {
			t.Fatal(err)
		}
		d.wantList("n1", "a", "b", "d")
	}
}

// unreadable makes a directory in which the pods that "lost" names are sealed
// with a key that is lost, before there was an index of them.
func unreadable(t *testing.T, adjust ...func(*Config)) *directory {
	t.Helper()
	d := newDirectory(t)
	d.reopen(keyRing(t, "A"), "first")
	d.create("b", "n1")
	d.create("d", "n2")
	d.reopen(keyRing(t, "B", "A"), "first")
	d.create("a", "n1")
	d.create("c", "n2")
	d.reopen(keyRing(t, "B"), "second", adjust...)
	return d
}

// A list by an index must not leave out an object because its value cannot be read. It
// fails, as a list without a selector does.
func TestListByIndexNamesUnreadableObjects(t *testing.T) {
	t.Parallel()
	d := unreadable(t)
	for _, node := range []string{"", "n1", "n2", "n3"} {
		if got, err := d.list(node); err == nil || !strings.Contains(err.Error(), "/pods/ns/b") {
			t.Errorf("pods on %q: %q and %v, want an error that names b", node, got, err)
		}
	}
	// A list of objects that are in the index reads no corrupt object.
	d.reopen(keyRing(t, "B", "A"), "third")
	d.wantList("n1", "a", "b")
	d.reopen(keyRing(t, "B"), "third")
	if got, err := d.list("n1"); err == nil || !strings.Contains(err.Error(), "/pods/ns/b") {
		t.Errorf("pods on n1: %q and %v, want an error that names b", got, err)
	}
	d.wantList("n3")
}

func TestObjectsAreReadableAgainWithTheirKey(t *testing.T) {
	t.Parallel()
	d := unreadable(t)
	d.reopen(keyRing(t, "B", "A"), "second")
	d.wantList("n1", "a", "b")
	d.wantList("n2", "c", "d")
	d.wantList("n3")
}

// TestUnsafeDeletionOfUnreadableObjects deletes objects whose key is lost.
func TestUnsafeDeletionOfUnreadableObjects(t *testing.T) {
	t.Parallel()
	d := unreadable(t, allowUnsafeDelete)
	for _, node := range []string{"", "n1", "n3"} {
		_, err := d.list(node)
		status := apierrors.APIStatus(nil)
		if !errors.As(err, &status) || status.Status().Reason != metav1.StatusReasonStoreReadError || status.Status().Details == nil {
			t.Fatalf("pods on %q: %v", node, err)
		}
		var named []string
		for _, cause := range status.Status().Details.Causes {
			named = append(named, cause.Field)
		}
		if fmt.Sprint(named) != "[/pods/ns/b /pods/ns/d]" {
			t.Errorf("pods on %q: %v named", node, named)
		}
	}
	for _, name := range []string{"b", "d"} {
		err := d.store.Delete(t.Context(), "/pods/ns/"+name, &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil,
			storage.DeleteOptions{ExpectTransformOrDecodeError: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	d.wantList("n1", "a")
	d.wantList("n3")
	if err := d.engine.Compact(t.Context(), d.engine.Revision()); err != nil {
		t.Fatal(err)
	}
	d.wantList("n1", "a")
}

// TestWatchByIndexFailsOnUnreadableObjects asks for the initial events of a node.
func TestWatchByIndexFailsOnUnreadableObjects(t *testing.T) {
	t.Parallel()
	d := unreadable(t)
	w, err := d.store.Watch(t.Context(), "/pods/", storage.ListOptions{Recursive: true, Predicate: onNode("n3")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if event := <-w.ResultChan(); event.Type != watch.Error {
		t.Errorf("got %v, want an error", event)
	}
}

// TestPagesOfSealedObjects reads pages by an index. Continue tokens have keys, which are
// stored as plaintext anyway, and no values.
func TestPagesOfSealedObjects(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.reopen(keyRing(t, "A"), "first")
	const pods = 7
	for n := range pods {
		d.create(fmt.Sprint("pod-", n), "nobody-may-know")
	}
	predicate := onNode("nobody-may-know")
	predicate.Limit = 3
	seen := 0
	for {
		list := &example.PodList{}
		if err := d.store.GetList(t.Context(), "/pods/", storage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
			t.Fatal(err)
		}
		seen += len(list.Items)
		if predicate.Continue = list.Continue; predicate.Continue == "" {
			break
		}
		from, revision, err := storage.DecodeContinue(list.Continue, "/pods/")
		if err != nil || revision == 0 || from != fmt.Sprintf("/pods/ns/pod-%d\x00", seen-1) {
			t.Errorf("the token is %q at %d, %v", from, revision, err)
		}
	}
	if seen != pods {
		t.Errorf("%d pods, want %d", seen, pods)
	}
}

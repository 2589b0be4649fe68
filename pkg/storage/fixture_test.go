// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"k8s.io/apimachinery/pkg/api/apitesting"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// sealPrefix is what the tests' transformer puts before each stored value.
const sealPrefix = "test!"

// fixture is a store of pods over an engine in memory.
type fixture struct {
	store       *Store
	engine      *engine.Engine
	codec       runtime.Codec
	transformer *switchTransformer
}

// newFixture starts a store; adjust may change its config.
func newFixture(tb testing.TB, adjust ...func(*Config)) *fixture {
	tb.Helper()
	f := &fixture{codec: podCodec(tb), transformer: &switchTransformer{}}
	f.transformer.set(storagetesting.NewPrefixTransformer([]byte(sealPrefix), false))
	config := Config{
		Codec:          f.codec,
		NewFunc:        func() runtime.Object { return &example.Pod{} },
		GroupResource:  schema.GroupResource{Resource: "pods"},
		ResourcePrefix: "/pods/",
		Transformer:    f.transformer,
	}
	for _, change := range adjust {
		change(&config)
	}
	f.engine = openEngine(tb, config)
	config.Engine = f.engine
	store, err := newStore(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.close)
	f.store = store
	return f
}

func openEngine(tb testing.TB, config Config) *engine.Engine {
	tb.Helper()
	opened, err := engine.Open(engine.Config{
		Dir:     "data",
		FS:      vfs.NewMem(),
		Indexes: config.EngineIndexes(),

		Separator: KeySeparator,
		// History that tests read must not be compacted because the machine is slow.
		HistoryRetention: -1,
		MinFreeBytes:     -1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := opened.Close(); err != nil && !errors.Is(err, engine.ErrClosed) {
			tb.Errorf("closing the engine: %v", err)
		}
	})
	return opened
}

func podCodec(tb testing.TB) runtime.Codec {
	tb.Helper()
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	for _, add := range []func(*runtime.Scheme) error{example.AddToScheme, examplev1.AddToScheme} {
		if err := add(scheme); err != nil {
			tb.Fatal(err)
		}
	}
	return apitesting.TestCodec(serializer.NewCodecFactory(scheme), examplev1.SchemeGroupVersion)
}

// increaseRevision makes a commit that has nothing to do with pods.
func (f *fixture) increaseRevision(ctx context.Context, t *testing.T) int64 {
	t.Helper()
	revision, err := f.engine.Commit(ctx, engine.Op{Key: []byte("increase"), Value: []byte("revision")})
	if err != nil {
		t.Fatal(err)
	}
	return int64(revision) //nolint:gosec // revisions count commits
}

// compact compacts and, like the compactor of the etcd3 store, makes a commit.
func (f *fixture) compact(ctx context.Context, t *testing.T, resourceVersion string) {
	t.Helper()
	f.increaseRevision(ctx, t)
	revision, err := storage.APIObjectVersioner{}.ParseResourceVersion(resourceVersion)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.engine.Compact(ctx, engine.Revision(revision)); err != nil {
		t.Fatal(err)
	}
}

// checkStored fails the test if what the engine keeps for the key is not an
// object without resource version.
func (f *fixture) checkStored(ctx context.Context, t *testing.T, key string) {
	t.Helper()
	record, _, err := f.engine.Get(ctx, []byte(key), 0)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := runtime.Decode(f.codec, record.Value[len(sealPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	pod, ok := obj.(*example.Pod)
	if !ok {
		t.Fatalf("stored is a %T", obj)
	}
	if pod.ResourceVersion != "" {
		t.Errorf("stored with resource version %q", pod.ResourceVersion)
	}
}

// checkReads returns a check that a list opened no more objects than it had to
// evaluate.
func (f *fixture) checkReads(t *testing.T) storagetesting.CallsValidation {
	t.Helper()
	transformer, ok := f.transformer.get().(*storagetesting.PrefixTransformer)
	if !ok {
		t.Fatalf("the transformer is a %T", f.transformer.get())
	}
	return func(t *testing.T, _, want uint64) {
		t.Helper()
		if got := transformer.GetReadsAndReset(); got != want {
			t.Errorf("opened %d objects, want %d", got, want)
		}
	}
}

// switchTransformer can be replaced while the store runs.
type switchTransformer struct {
	current atomic.Pointer[value.Transformer]
}

func (s *switchTransformer) set(transformer value.Transformer) { s.current.Store(&transformer) }

func (s *switchTransformer) get() value.Transformer { return *s.current.Load() }

func (s *switchTransformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	return s.get().TransformFromStorage(ctx, data, dataCtx)
}

func (s *switchTransformer) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	return s.get().TransformToStorage(ctx, data, dataCtx)
}

// switchable is a store whose transformer the runners may replace.
type switchable struct {
	storage.Interface
	transformer *switchTransformer
}

func (f *fixture) switchable() *switchable { return &switchable{f.store, f.transformer} }

func (s *switchable) UpdatePrefixTransformer(modify storagetesting.PrefixTransformerModifier) func() {
	return s.UpdateTransformer(func(current value.Transformer) value.Transformer {
		prefix, ok := current.(*storagetesting.PrefixTransformer)
		if !ok {
			return current
		}
		changed := *prefix
		return modify(&changed)
	})
}

func (s *switchable) UpdateTransformer(modify storagetesting.TransformerModifier) func() {
	before := s.transformer.get()
	s.transformer.set(modify(before))
	return func() { s.transformer.set(before) }
}

// failing is a transformer or codec that can be made to fail on reads.
type failing struct{ on atomic.Bool }

var errSynthetic = errors.New("synthetic error")

func (f *failing) err() error {
	if f.on.Load() {
		return errSynthetic
	}
	return nil
}

type failingTransformer struct {
	value.Transformer
	failing
}

func (f *failingTransformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	if err := f.err(); err != nil {
		return nil, false, err
	}
	return f.Transformer.TransformFromStorage(ctx, data, dataCtx)
}

type failingCodec struct {
	runtime.Codec
	failing
}

func (f *failingCodec) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	if err := f.err(); err != nil {
		return nil, nil, err
	}
	return f.Codec.Decode(data, defaults, into)
}

// Adjustments of the config of a fixture.

func allowUnsafeDelete(config *Config) { config.AllowUnsafeDelete = true }

func frequentBookmarks(config *Config) {
	config.BookmarkInterval = 50 * time.Millisecond
	config.ProgressInterval = 50 * time.Millisecond
}

func indexedByNode(config *Config) {
	config.Indexes = []Index{{Field: "spec.nodeName", Value: nodeName}}
}

func nodeName(obj runtime.Object) string {
	pod, ok := obj.(*example.Pod)
	if !ok {
		return fmt.Sprintf("not a pod: %T", obj)
	}
	return pod.Spec.NodeName
}

func noKeys(context.Context) ([]string, error) { return nil, nil }

func podNamed(name string) *example.Pod {
	return &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
}

// onto returns an update that puts a pod on a node.
func onto(node string) storage.SimpleUpdateFunc {
	return func(obj runtime.Object) (runtime.Object, error) {
		pod, ok := obj.(*example.Pod)
		if !ok {
			return nil, fmt.Errorf("not a pod: %T", obj)
		}
		pod.Spec.NodeName = node
		return pod, nil
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// waitLimit fails tests that hang.
const waitLimit = 3 * time.Minute

// TestWatchSeesEachChangeOnce checks S1: watches of every scope, started before and during
// random writes, fast and slow, each with a tiny buffer, get exactly the events of the
// changes that the engine has.
func TestWatchSeesEachChangeOnce(t *testing.T) {
	t.Parallel()
	const writers, writesEach = 4, 300
	lagged := &counter{}
	f := newFixture(t, indexedByNode, func(config *Config) {
		config.WatchBuffer = 2
		config.Observer.WatcherLagged = lagged.add
	})
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()

	var watches []*recording
	begin := func(name, key string, recursive bool, node string, pause int) {
		revision := f.engine.Revision()
		opts := storage.ListOptions{ResourceVersion: fmt.Sprint(revision), Recursive: recursive, Predicate: onNode(node)}
		started, err := f.store.Watch(ctx, key, opts)
		if err != nil {
			t.Fatal(err)
		}
		r := &recording{name: name, after: revision, scope: scope{key: key, recursive: recursive}, node: node, pause: pause, watch: started}
		watches = append(watches, r)
	}
	beginAll := func(when string, pause int) {
		begin(when+" everything", "/pods/", true, "", pause)
		begin(when+" namespace", "/pods/ns-1/", true, "", pause)
		begin(when+" key", "/pods/ns-1/pod-2", false, "", pause)
		begin(when+" node", "/pods/", true, "node-1", pause)
		begin(when+" namespace and node", "/pods/ns-0/", true, "node-2", pause)
	}

	seed := rand.Uint64() //nolint:gosec // any seed will do
	t.Logf("seed %d", seed)
	beginAll("quick from the start", 0)
	beginAll("slow from the start", 50)
	half := make(chan struct{}, writers)
	var writing sync.WaitGroup
	for n := range writers {
		writing.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // reproducible on purpose
			for i := range writesEach {
				if i == writesEach/2 {
					half <- struct{}{}
				}
				if err := writeAtRandom(ctx, f.store, random); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range writers {
		select {
		case <-half:
		case <-ctx.Done():
			t.Fatal("the writers do not finish")
		}
	}
	beginAll("quick from the middle", 0)
	writing.Wait()
	beginAll("from the end", 0)

	want := changesOf(ctx, t, f)
	last := f.engine.Revision()
	marker := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns-0", Name: "end"}}
	if err := f.store.Create(ctx, "/pods/ns-0/end", marker, nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range watches {
		got := r.read(ctx, t, want, last)
		if diff := cmp.Diff(r.expected(want), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", r.name, diff)
		}
	}
	if lagged.get() == 0 {
		t.Error("no watcher ever lagged, so catching up was not tested")
	}
}

// sent is one event of a watch.
type sent struct {
	Type     watch.EventType
	Key      string
	Revision engine.Revision
}

// recorded is one change of the engine, with the nodes of the pod before and after it.
type recorded struct {
	key          string
	revision     engine.Revision
	before, node string
	was, is      bool
}

type recording struct {
	name  string
	after engine.Revision
	scope scope
	node  string
	// pause is the number of events after which the reader sleeps briefly.
	pause int
	watch watch.Interface
}

// expected returns the events of the watch, computed without any index.
func (r *recording) expected(changes []recorded) []sent {
	var result []sent
	for _, c := range changes {
		if c.revision <= r.after || !r.scope.covers(&change{key: c.key}) {
			continue
		}
		was := c.was && (r.node == "" || c.before == r.node)
		is := c.is && (r.node == "" || c.node == r.node)
		switch {
		case was && is:
			result = append(result, sent{watch.Modified, c.key, c.revision})
		case is:
			result = append(result, sent{watch.Added, c.key, c.revision})
		case was:
			result = append(result, sent{watch.Deleted, c.key, c.revision})
		}
	}
	return result
}

// read reads as many events as are expected, and then checks that no other follows.
func (r *recording) read(ctx context.Context, t *testing.T, changes []recorded, last engine.Revision) []sent {
	t.Helper()
	var result []sent
	for range len(r.expected(changes)) {
		event, ok := r.next(ctx)
		if !ok {
			t.Errorf("%s: ended after %d events", r.name, len(result))
			return result
		}
		result = append(result, event)
		if r.pause > 0 && len(result)%r.pause == 0 {
			waitAMoment(ctx)
		}
	}
	r.watch.Stop()
	for event := range r.watch.ResultChan() {
		if extra := r.eventOf(event); extra.Revision <= last {
			t.Errorf("%s: unexpected %v", r.name, extra)
		}
	}
	return result
}

func (r *recording) next(ctx context.Context) (sent, bool) {
	select {
	case event, ok := <-r.watch.ResultChan():
		return r.eventOf(event), ok
	case <-ctx.Done():
		return sent{}, false
	}
}

func (r *recording) eventOf(event watch.Event) sent {
	pod := podOf(event)
	revision, err := storage.APIObjectVersioner{}.ObjectResourceVersion(pod)
	if err != nil {
		return sent{Type: watch.Error}
	}
	return sent{event.Type, "/pods/" + pod.Namespace + "/" + pod.Name, engine.Revision(revision)}
}

// waitAMoment sleeps briefly.
func waitAMoment(ctx context.Context) {
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
	}
}

// writeAtRandom creates, updates or deletes one of a few pods.
func writeAtRandom(ctx context.Context, store storage.Interface, random *rand.Rand) error {
	namespace, name := fmt.Sprintf("ns-%d", random.IntN(2)), fmt.Sprintf("pod-%d", random.IntN(5))
	key := "/pods/" + namespace + "/" + name
	if random.IntN(4) == 0 {
		err := store.Delete(ctx, key, &example.Pod{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
		if storage.IsNotFound(err) {
			return nil
		}
		return err
	}
	node, label := fmt.Sprintf("node-%d", random.IntN(4)), strconv.FormatUint(random.Uint64(), 10)
	return store.GuaranteedUpdate(ctx, key, &example.Pod{}, true, nil, storage.SimpleUpdate(func(obj runtime.Object) (runtime.Object, error) {
		pod, ok := obj.(*example.Pod)
		if !ok {
			return nil, fmt.Errorf("not a pod: %T", obj)
		}
		pod.Namespace, pod.Name, pod.Spec.NodeName = namespace, name, node
		pod.Labels = map[string]string{"changed": label}
		return pod, nil
	}), nil)
}

// changesOf reads all changes from the engine.
func changesOf(ctx context.Context, t *testing.T, f *fixture) []recorded {
	t.Helper()
	subscription, err := f.engine.Subscribe(1)
	if err != nil {
		t.Fatal(err)
	}
	var result []recorded
	for last := f.engine.Revision(); subscription.Revision() < last; {
		changes, err := subscription.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			result = append(result, recorded{
				key: string(c.Key), revision: c.Revision,
				before: f.nodeOf(t, c.PrevValue), was: c.PrevRevision != 0,
				node: f.nodeOf(t, c.Value), is: !c.Deleted,
			})
		}
	}
	return result
}

func (f *fixture) nodeOf(t *testing.T, stored []byte) string {
	t.Helper()
	if len(stored) == 0 {
		return ""
	}
	obj, err := runtime.Decode(f.codec, stored[len(sealPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	return nodeName(obj)
}

// onNode selects the pods of a node; the empty node selects all pods.
func onNode(node string) storage.SelectionPredicate {
	field := fields.Everything()
	if node != "" {
		field = fields.OneTermEqualSelector("spec.nodeName", node)
	}
	return storage.SelectionPredicate{
		Label: labels.Everything(),
		Field: field,
		GetAttrs: func(obj runtime.Object) (labels.Set, fields.Set, error) {
			return nil, fields.Set{"spec.nodeName": nodeName(obj)}, nil
		},
	}
}

// podOf returns the pod of an event, an empty one if it has none.
func podOf(event watch.Event) *example.Pod {
	obj := event.Object
	if shared, ok := obj.(runtime.CacheableObject); ok {
		obj = shared.GetObject()
	}
	if pod, ok := obj.(*example.Pod); ok {
		return pod
	}
	return &example.Pod{}
}

type counter struct {
	mutex sync.Mutex
	count int
}

func (c *counter) add() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.count++
}

func (c *counter) get() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.count
}

func createPods(t testing.TB, store storage.Interface, namespace string, count int) {
	t.Helper()
	for i := range count {
		name := fmt.Sprintf("pod-%05d", i)
		pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		pod.Spec.NodeName = fmt.Sprintf("node-%d", i%10)
		if err := store.Create(t.Context(), "/pods/"+namespace+"/"+name, pod, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// nextEvent returns the next event of the watch. The test fails if there is none.
func nextEvent(t *testing.T, w watch.Interface) watch.Event {
	t.Helper()
	select {
	case event, ok := <-w.ResultChan():
		if !ok {
			t.Fatal("the watch ended")
		}
		return event
	case <-time.After(waitLimit):
		t.Fatal("the watch sends nothing")
	}
	return watch.Event{}
}

// waitForEnd reads events until the watch ends.
func waitForEnd(t *testing.T, w watch.Interface) {
	t.Helper()
	limit := time.After(waitLimit)
	for {
		select {
		case _, ok := <-w.ResultChan():
			if !ok {
				return
			}
		case <-limit:
			t.Fatal("the watch does not end")
		}
	}
}

func TestWatchBelowTheCompactRevisionEndsWithGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	createPods(t, f.store, "ns", 10)
	if err := f.engine.Compact(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	w, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: "4", Recursive: true, Predicate: storage.Everything})
	if err != nil {
		t.Fatal(err)
	}
	event := nextEvent(t, w)
	status, ok := event.Object.(*metav1.Status)
	if event.Type != watch.Error || !ok {
		t.Fatalf("got %v %T, want an error", event.Type, event.Object)
	}
	if status.Code != http.StatusGone || status.Reason != metav1.StatusReasonExpired {
		t.Errorf("got %d %s, want 410 Expired", status.Code, status.Reason)
	}
	waitForEnd(t, w)
}

func TestStalledWatcherIsEndedAndBlocksNoWrite(t *testing.T) {
	t.Parallel()
	stalled := make(chan struct{}, 1)
	f := newFixture(t, func(config *Config) {
		config.WatchBuffer = 10
		config.StallTimeout = 20 * time.Millisecond
		config.Observer.WatcherStalled = func() { stalled <- struct{}{} }
	})
	w, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: "1", Recursive: true, Predicate: storage.Everything})
	if err != nil {
		t.Fatal(err)
	}
	createPods(t, f.store, "ns", 3*resultBuffer)
	select {
	case <-stalled:
	case <-time.After(waitLimit):
		t.Fatal("the watcher was not ended")
	}
	waitForEnd(t, w)
}

func TestCloseEndsWatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	createPods(t, f.store, "ns", 2*resultBuffer)
	var watches []watch.Interface
	// One waits for its client, one for changes.
	for _, revision := range []string{"1", fmt.Sprint(f.engine.Revision())} {
		w, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{ResourceVersion: revision, Recursive: true, Predicate: storage.Everything})
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
	}
	f.store.close()
	f.store.close()
	for _, w := range watches {
		waitForEnd(t, w)
	}
	if _, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{Recursive: true, Predicate: storage.Everything}); err == nil {
		t.Error("a closed store accepted a watch")
	}
}

func TestInitialEventsOfManyPages(t *testing.T) {
	t.Parallel()
	const count = 2*initialPage + 7
	yes := true
	for _, test := range []struct {
		name string
		node string
		want int
	}{
		{"all", "", count},
		{"from an index", "node-3", (count + 6) / 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, indexedByNode)
			createPods(t, f.store, "ns", count)
			predicate := onNode(test.node)
			predicate.AllowWatchBookmarks = true
			w, err := f.store.Watch(t.Context(), "/pods/", storage.ListOptions{Recursive: true, Predicate: predicate, SendInitialEvents: &yes})
			if err != nil {
				t.Fatal(err)
			}
			names, events := map[string]bool{}, 0
			event := nextEvent(t, w)
			for ; event.Type == watch.Added; event = nextEvent(t, w) {
				names[podOf(event).Name] = true
				events++
			}
			if len(names) != test.want || events != test.want {
				t.Errorf("got %d pods in %d events, want %d", len(names), events, test.want)
			}
			if ended, err := storage.HasInitialEventsEndBookmarkAnnotation(event.Object); err != nil || !ended {
				t.Errorf("got %v %v after the pods, want the bookmark of their end", event.Type, event.Object)
			}
		})
	}
}

func TestWatchCacheGetsObjectsOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		opts  storage.ListOptions
		timed bool
	}{
		{"progress", storage.ListOptions{ProgressNotify: true}, false},
		{"timestamps", storage.ListOptions{RecordTimestamps: true}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			opts := test.opts
			opts.ResourceVersion, opts.Recursive, opts.Predicate = "1", true, storage.Everything
			w, err := f.store.Watch(t.Context(), "/pods/", opts)
			if err != nil {
				t.Fatal(err)
			}
			createPods(t, f.store, "ns", 1)
			obj := nextEvent(t, w).Object
			timed, ok := obj.(storage.WatchEventWithRecordTime)
			if ok != test.timed {
				t.Fatalf("got a %T", obj)
			}
			if ok {
				obj = timed.Unwrap()
			}
			if _, ok := obj.(*example.Pod); !ok {
				t.Errorf("got a %T", obj)
			}
		})
	}
}

func TestRecentChanges(t *testing.T) {
	t.Parallel()
	recent := newRecentChanges()
	for revision := engine.Revision(1); revision <= recentSize+1; revision++ {
		recent.add(&change{revision: revision})
	}
	for revision, want := range map[engine.Revision]bool{
		0: false, 1: false, 2: true, recentSize: true, recentSize + 1: true, recentSize + 2: false,
	} {
		c, ok := recent.get(revision)
		if ok != want || ok && c.revision != revision {
			t.Errorf("%d: got %v %v", revision, c, ok)
		}
	}
}

func TestRequestedProgress(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.ProgressInterval = time.Hour })
	w, err := f.store.Watch(t.Context(), "/pods/none/", storage.ListOptions{ResourceVersion: "1", Recursive: true, Predicate: storage.Everything, ProgressNotify: true})
	if err != nil {
		t.Fatal(err)
	}
	createPods(t, f.store, "ns", 5)
	want := fmt.Sprint(f.engine.Revision())
	// The request may come before the watch is attached or the dispatcher has seen
	// the last change, so it is repeated until the bookmark has the expected revision.
	limit := time.After(waitLimit)
	for {
		if err := f.store.RequestWatchProgress(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case event := <-w.ResultChan():
			if event.Type != watch.Bookmark {
				t.Fatalf("got %v", event)
			}
			if podOf(event).ResourceVersion == want {
				return
			}
		case <-time.After(time.Millisecond):
		case <-limit:
			t.Fatal("no progress")
		}
	}
}

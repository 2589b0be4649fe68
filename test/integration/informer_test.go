// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	clientfeatures "k8s.io/client-go/features"
	clientfeaturestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// An informer must see every event once, over a restart of the server, whether
// it gets its first state by a list or by a watch. Not parallel: the choice is a
// feature gate of the whole process.
func TestInformer(t *testing.T) {
	for name, watchList := range map[string]bool{"with WatchList": true, "without WatchList": false} {
		t.Run(name, func(t *testing.T) {
			clientfeaturestesting.SetFeatureDuringTest(t, clientfeatures.WatchListClient, watchList)
			for name, store := range stores() {
				t.Run(name, func(t *testing.T) { testInformer(t, store(t), watchList) })
			}
		})
	}
}

func testInformer(t *testing.T, config testserver.Config, watchList bool) {
	t.Helper()
	server := testserver.Start(t, config)
	client := jsonClient(t, server.Admin)
	createMany(t, client, "before", 20)

	seen := &record{added: map[string]int{}}
	requests := &requestCounter{}
	informer, stop := startInformer(t, server.Admin, requests, seen)
	defer stop()
	eventually(t, "the first state", func() bool { return seen.len() == 20 })
	if got := requests.watchLists.Load() > 0; got != watchList {
		t.Errorf("first state by a watch: got %v, want %v", got, watchList)
	}
	createMany(t, client, "while", 5)
	eventually(t, "what was created meanwhile", func() bool { return seen.len() == 25 })

	server.Stop()
	config.Address = server.Address
	server = testserver.Start(t, config)
	createMany(t, jsonClient(t, server.Admin), "after", 5)
	eventually(t, "what was created after a restart", func() bool { return seen.len() == 30 })

	if repeated := seen.repeated(); len(repeated) > 0 {
		t.Errorf("added more than once: %v", repeated)
	}
	if got := len(informer.GetStore().List()); got != 30 {
		t.Errorf("the informer holds %d events, want 30", got)
	}
}

// record counts how often each event was added.
type record struct {
	mu    sync.Mutex
	added map[string]int
}

func (r *record) OnAdd(obj any, _ bool) {
	if event, ok := obj.(*eventsv1.Event); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.added[event.Name]++
	}
}

func (r *record) OnUpdate(any, any) {}

func (r *record) OnDelete(any) {}

func (r *record) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.added)
}

func (r *record) repeated() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	repeated := sets.New[string]()
	for name, times := range r.added {
		if times > 1 {
			repeated.Insert(name)
		}
	}
	return sets.List(repeated)
}

// requestCounter counts the lists and watches with which informers get their first state.
type requestCounter struct {
	watchLists atomic.Int32
	next       http.RoundTripper
}

func (c *requestCounter) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Query().Get("sendInitialEvents") == "true" {
		c.watchLists.Add(1)
	}
	return c.next.RoundTrip(request)
}

func startInformer(t *testing.T, config *rest.Config, requests *requestCounter, handler cache.ResourceEventHandler) (cache.SharedIndexInformer, func()) {
	t.Helper()
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		requests.next = next
		return requests
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Events().V1().Events().Informer()
	if _, err := informer.AddEventHandler(handler); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	factory.Start(ctx.Done())
	return informer, func() { cancel(); factory.Shutdown() }
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), pollStep, waitTimeout, true, func(context.Context) (bool, error) {
		return condition(), nil
	})
	if err != nil {
		t.Fatalf("waited %s in vain for %s", waitTimeout, what)
	}
}

// What was acknowledged before a restart must be there after it, unchanged.
func TestRestart_LosesNothing(t *testing.T) {
	t.Parallel()
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRestart(t, store(t))
		})
	}
}

func testRestart(t *testing.T, config testserver.Config) {
	t.Helper()
	server := testserver.Start(t, config)
	want := map[string]*eventsv1.Event{}
	for _, name := range []string{"a", "b", "c"} {
		want[name] = create(t, jsonClient(t, server.Admin), newEvent(name))
	}
	server.Stop()

	server = testserver.Start(t, config)
	list, err := jsonClient(t, server.Admin).Events(namespace).List(t.Context(), listEverything())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*eventsv1.Event{}
	for i := range list.Items {
		got[list.Items[i].Name] = &list.Items[i]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("before (-) and after (+) the restart:\n%s", diff)
	}
}

// An event lives for its time and is announced as deleted when that is over.
func TestExpiry(t *testing.T) {
	t.Parallel()
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testExpiry(t, store(t))
		})
	}
}

func testExpiry(t *testing.T, config testserver.Config) {
	t.Helper()
	config.Change = withTTL(2 * time.Second)
	server := testserver.Start(t, config)
	client := jsonClient(t, server.Admin)
	created := create(t, client, newEvent("short"))
	options := listEverything()
	options.ResourceVersion = created.ResourceVersion
	watcher, err := client.Events(namespace).Watch(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	expectChanges(t, "what expires", watcher, []string{"DELETED short"})
	list, err := client.Events(namespace).List(t.Context(), listEverything())
	if err != nil || len(list.Items) != 0 {
		t.Errorf("still there after its time: %v, %v", names(list.Items), err)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	clientfeatures "k8s.io/client-go/features"
	clientfeaturestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// fromTheFuture is a version that no store of a test reaches.
const fromTheFuture = "123456789012"

// A watch from a future version must end with the reason, over every protocol.
func TestWatch_FromAboveTheStore(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testserver.Start(t, store(t))
			create(t, jsonClient(t, server.Admin), newEvent("a"))
			path := "/apis/events.k8s.io/v1/namespaces/" + namespace + "/events?watch=true&resourceVersion=" + fromTheFuture
			t.Run("HTTP", func(t *testing.T) {
				t.Parallel()
				expectGone(t, firstOfStream(t, server.Admin, path))
			})
			t.Run("HTTP without initial events", func(t *testing.T) {
				t.Parallel()
				expectGone(t, firstOfStream(t, server.Admin, path+"&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"))
			})
			t.Run("WebSocket", func(t *testing.T) {
				t.Parallel()
				expectGone(t, firstOfWebSocket(t, server.Admin, path))
			})
			t.Run("initial events", func(t *testing.T) {
				t.Parallel()
				got := firstOfStream(t, server.Admin, path+"&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
				if got.Type != string(watch.Error) || !strings.Contains(string(got.Object.Raw), string(metav1.CauseTypeResourceVersionTooLarge)) {
					t.Errorf("got %s %s, want what the built-in says: too large", got.Type, got.Object.Raw)
				}
			})
			t.Run("RetryWatcher", func(t *testing.T) {
				t.Parallel()
				expectRetryWatcherEnds(t, server.Admin)
			})
		})
	}
}

func expectGone(t *testing.T, got metav1.WatchEvent) {
	t.Helper()
	var status metav1.Status
	if err := json.Unmarshal(got.Object.Raw, &status); err != nil {
		t.Fatal(err)
	}
	if got.Type != string(watch.Error) || status.Code != http.StatusGone || status.Reason != metav1.StatusReasonExpired {
		t.Errorf("got %s %s, want 410 Expired", got.Type, got.Object.Raw)
	}
}

// firstOfStream returns the first event of a watch over plain HTTP.
func firstOfStream(t *testing.T, config *rest.Config, path string) (first metav1.WatchEvent) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	stream, err := client.Discovery().RESTClient().Get().RequestURI(path).Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	line, err := bufio.NewReader(stream).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the watch ends without an event: %v", err)
	}
	if err := json.Unmarshal(line, &first); err != nil {
		t.Fatal(err)
	}
	return first
}

// firstOfWebSocket returns the first event of a watch over a WebSocket.
func firstOfWebSocket(t *testing.T, config *rest.Config, path string) (first metav1.WatchEvent) {
	t.Helper()
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(config.Host, "https://", "wss://", 1)
	dial, err := websocket.NewConfig(address+path, config.Host)
	if err != nil {
		t.Fatal(err)
	}
	dial.TlsConfig = tls
	connection, err := dial.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(waitTimeout)); err != nil {
		t.Fatal(err)
	}
	if err := websocket.JSON.Receive(connection, &first); err != nil {
		t.Fatalf("the watch said nothing: %v", err)
	}
	return first
}

// A RetryWatcher only ends with a 410 in the stream, and its user then has to list again.
func expectRetryWatcherEnds(t *testing.T, config *rest.Config) {
	t.Helper()
	events := jsonClient(t, config).Events(namespace)
	watcher, err := watchtools.NewRetryWatcherWithContext(t.Context(), fromTheFuture, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return events.Watch(ctx, options)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	select {
	case got := <-watcher.ResultChan():
		if err := apierrors.FromObject(got.Object); !apierrors.IsResourceExpired(err) {
			t.Errorf("got %v, want 410 Expired", err)
		}
	case <-time.After(waitTimeout):
		t.Fatal("silent")
	}
	select {
	case <-watcher.Done():
	case <-time.After(waitTimeout):
		t.Error("it goes on")
	}
}

// An informer whose server is given another store holds versions that mean
// nothing there. It must show what is there, and follow. Not parallel: the way in
// which it asks for its state is a feature gate of the whole process.
func TestInformer_WhenTheStoreIsAnother(t *testing.T) {
	for name, watchList := range map[string]bool{"with WatchList": true, "without WatchList": false} {
		t.Run(name, func(t *testing.T) {
			clientfeaturestesting.SetFeatureDuringTest(t, clientfeatures.WatchListClient, watchList)
			for name, store := range plainStores() {
				t.Run(name, func(t *testing.T) { testInformerOfAnotherStore(t, store) })
			}
		})
	}
}

func testInformerOfAnotherStore(t *testing.T, store func(*testing.T) testserver.Config) {
	t.Helper()
	config := store(t)
	server := testserver.Start(t, config)
	createMany(t, jsonClient(t, server.Admin), "before", 100)
	informer, stop := startInformer(t, server.Admin, &requestCounter{}, &record{added: map[string]int{}})
	defer stop()
	eventually(t, "the first state", func() bool { return len(informer.GetStore().List()) == 100 })
	held := informer.LastSyncResourceVersion()

	server.Stop()
	other := store(t)
	other.Dir, other.Address = config.Dir, server.Address
	server = testserver.Start(t, other)
	client := jsonClient(t, server.Admin)
	createMany(t, client, "after", 2)
	if list, err := client.Events(namespace).List(t.Context(), listEverything()); err != nil || !below(t, list.ResourceVersion, held) {
		t.Fatalf("the other store is at %s, want less than the informer's %s: %v", list.ResourceVersion, held, err)
	}
	eventually(t, "what is in the other store", func() bool { return informerHolds(informer, "after-0", "after-1") })
	createMany(t, client, "later", 1)
	eventually(t, "what is created there later", func() bool { return informerHolds(informer, "after-0", "after-1", "later-0") })
}

func below(t *testing.T, version, other string) bool {
	t.Helper()
	var a, b uint64
	if _, err := fmt.Sscan(version+" "+other, &a, &b); err != nil {
		t.Fatal(err)
	}
	return a < b
}

// informerHolds reports whether the informer's store has those events and no other.
func informerHolds(informer cache.SharedIndexInformer, names ...string) bool {
	held := sets.New[string]()
	for _, obj := range informer.GetStore().List() {
		if object, ok := obj.(metav1.Object); ok {
			held.Insert(object.GetName())
		}
	}
	return held.Equal(sets.New(names...))
}

// What one replica has answered, another one must let clients watch from, also
// while its cache is behind.
func TestWatch_FromWhatAnotherReplicaSaid(t *testing.T) {
	t.Parallel()
	url := testserver.StartEtcd(t)
	first := jsonClient(t, testserver.Start(t, testserver.Config{EtcdURL: url}).Admin)
	second := jsonClient(t, testserver.Start(t, testserver.Config{EtcdURL: url}).Admin)
	for i := range 50 {
		created := create(t, first, newEvent(fmt.Sprintf("a-%d", i)))
		options := metav1.ListOptions{ResourceVersion: created.ResourceVersion}
		watcher, err := second.Events(namespace).Watch(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		next := create(t, first, newEvent(fmt.Sprintf("b-%d", i)))
		expectChanges(t, "what followed", watcher, []string{"ADDED " + next.Name})
		watcher.Stop()
	}
}

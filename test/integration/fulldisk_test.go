// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

const mib = 1 << 20

// fullDisk is a server whose disk was filled by writes until they were refused.
type fullDisk struct {
	*testserver.Server
	config testserver.Config
	disk   *testserver.Disk
	client eventsclient.EventsV1Interface

	mu sync.Mutex
	// acknowledged are the resource versions of the events that the server has
	// taken, by name.
	acknowledged map[string]string
}

// onSmallDisk starts a server on a small disk. Its settings are the least ones,
// so that a small disk is enough.
func onSmallDisk(t *testing.T, minFree string) *fullDisk {
	t.Helper()
	disk := testserver.SmallDisk(t, 160*mib)
	f := &fullDisk{disk: disk, acknowledged: map[string]string{}, config: testserver.Config{
		Dir:     t.TempDir(),
		DataDir: filepath.Join(disk.Root, "data"),
		Change: func(options *options.Options) {
			options.Storage.Embedded.WriteBuffer.Quantity = resource.MustParse("4Mi")
			options.Storage.Embedded.MinFreeDisk.Quantity = resource.MustParse(minFree)
		},
	}}
	f.start(t)
	return f
}

func (f *fullDisk) start(t *testing.T) {
	t.Helper()
	f.Server = testserver.Start(t, f.config)
	f.client = jsonClient(t, f.Admin)
}

// write creates an event without retries, whatever the response.
func (f *fullDisk) write(ctx context.Context, event *eventsv1.Event) error {
	created := &eventsv1.Event{}
	err := f.client.RESTClient().Post().Namespace(event.Namespace).Resource("events").Body(event).MaxRetries(0).Do(ctx).Into(created)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acknowledged[event.Name] = created.ResourceVersion
	return nil
}

// fill writes large events, several at once, until each writer was refused, and
// returns the last refusal.
func (f *fullDisk) fill(t *testing.T, round int) error {
	t.Helper()
	const writers = 4
	refusals := make([]error, writers)
	var running sync.WaitGroup
	for writer := range writers {
		running.Go(func() {
			for n := 0; refusals[writer] == nil; n++ {
				refusals[writer] = f.write(t.Context(), largeEvent(fmt.Sprintf("large-%d-%d-%d", round, writer, n)))
			}
		})
	}
	running.Wait()
	return refusals[writers-1]
}

// largeEvent is one that no compression makes smaller.
func largeEvent(name string) *eventsv1.Event {
	noise := make([]byte, 90<<10)
	var seed [32]byte
	copy(seed[:], name)
	_, _ = rand.NewChaCha8(seed).Read(noise) // it never fails
	event := newEvent(name)
	event.Annotations = map[string]string{"example.com/noise": base64.StdEncoding.EncodeToString(noise)}
	return event
}

// readsGoOn checks what must work on a full disk as on any other.
func (f *fullDisk) readsGoOn(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/readyz", "/livez", "/apis/events.k8s.io/v1"} {
		if body, err := get(t, f.Admin, path); err != nil {
			t.Errorf("%s on a full disk: %v\n%s", path, err, body)
		}
	}
	name := slices.Sorted(maps.Keys(f.acknowledged))[0]
	if _, err := f.client.Events(namespace).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Errorf("get on a full disk: %v", err)
	}
	list, err := f.client.Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.uid=uid-" + name})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("list by a field on a full disk: %v, %v", names(list.Items), err)
	}
	f.hasAll(t)
}

// hasAll compares what was acknowledged with what there is.
func (f *fullDisk) hasAll(t *testing.T) {
	t.Helper()
	got := map[string]string{}
	options := metav1.ListOptions{Limit: 100}
	for {
		list, err := f.client.Events(namespace).List(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			got[list.Items[i].Name] = list.Items[i].ResourceVersion
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	for name, version := range f.acknowledged {
		if got[name] != version {
			t.Errorf("%s was acknowledged at %s, and is at %q", name, version, got[name])
		}
	}
}

// writesAgain clears the disk and wants writes to work soon.
func (f *fullDisk) writesAgain(t *testing.T) {
	t.Helper()
	f.disk.Clear(t)
	eventually(t, "a write with room again", func() bool { return f.write(t.Context(), newEvent("with-room")) == nil })
}

func (f *fullDisk) survivesRestart(t *testing.T) {
	t.Helper()
	f.Stop()
	f.start(t)
	f.hasAll(t)
}

// nearlyFull is a server whose writes are refused with 429 for as long as the
// disk is not cleared, while deletes are not.
func nearlyFull(t *testing.T) *fullDisk {
	t.Helper()
	f := onSmallDisk(t, "64Mi")
	f.disk.Fill(t, f.disk.Free(t)-76*mib)
	checkRefusal(t, f.fill(t, 0))
	if free := f.disk.Free(t); free < 32*mib {
		t.Errorf("writes were refused with %d MiB free only, want half of 64 at least", free/mib)
	}
	// A compaction of the store may free space at any time, and then it accepts writes
	// again. This much less space is more than it can free.
	f.disk.Fill(t, 18*mib)
	eventually(t, "the server to see how full the disk is", func() bool {
		return storeMetrics(t, f.Admin).value("refusing_writes") == 1
	})
	return f
}

func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	f := nearlyFull(t)
	f.readsGoOn(t)
	if metric := storeMetrics(t, f.Admin); metric.value("refusing_writes") != 1 || metric.value("refused_writes_total") < 4 || metric.value("write_failed") != 0 {
		t.Errorf("metrics of a full disk: %v", metric.values)
	}
	name := slices.Sorted(maps.Keys(f.acknowledged))[0]
	patch := []byte(`{"metadata":{"labels":{"changed":"yes"}}}`)
	err := f.client.RESTClient().Patch(types.MergePatchType).Namespace(namespace).Resource("events").Name(name).Body(patch).MaxRetries(0).Do(t.Context()).Error()
	checkRefusal(t, err)
	f.deletesGoOn(t, name)
	f.writesAgain(t)
	f.survivesRestart(t)
}

// checkRefusal checks that an error has a Retry-After for clients and an action for
// operators.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if !apierrors.IsTooManyRequests(err) || !strings.Contains(err.Error(), "free space on the disk") || !strings.Contains(err.Error(), "MiB are free") {
		t.Errorf("the refusal is %v, want 429 with what to do", err)
	}
	if seconds, ok := apierrors.SuggestsClientDelay(err); !ok || seconds < 1 {
		t.Errorf("the refusal %v does not say when to come back", err)
	}
}

// deletesGoOn deletes an event and expects a watch to send it.
func (f *fullDisk) deletesGoOn(t *testing.T, name string) {
	t.Helper()
	watcher, err := f.client.Events(namespace).Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name, ResourceVersion: f.acknowledged[name]})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	if err := f.client.Events(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatalf("delete on a nearly full disk: %v", err)
	}
	delete(f.acknowledged, name)
	select {
	case event := <-watcher.ResultChan():
		if event.Type != watch.Deleted {
			t.Errorf("the watch tells %s", event.Type)
		}
	case <-time.After(waitTimeout):
		t.Error("the watch tells nothing of the deletion")
	}
}

// Without a least free space it is the file system that refuses. The server has
// to outlive that.
func TestDiskWithoutAnyRoom(t *testing.T) {
	t.Parallel()
	f := onSmallDisk(t, "0")
	f.disk.Fill(t, 100*mib)
	for n := range 20 {
		if err := f.write(t.Context(), largeEvent(fmt.Sprint("first-", n))); err != nil {
			t.Fatal(err)
		}
	}
	// What the store removes in the background may make room once more.
	round := 0
	var refusal error
	eventually(t, "writes to be refused for good", func() bool {
		round++
		f.disk.Fill(t, math.MaxInt64)
		before := len(f.acknowledged)
		refusal = f.fill(t, round)
		if !apierrors.IsTooManyRequests(refusal) && !apierrors.IsTimeout(refusal) {
			t.Fatalf("the disk is full, and a write gets %v", refusal)
		}
		return len(f.acknowledged) == before && apierrors.IsTooManyRequests(refusal) && storeMetrics(t, f.Admin).value("refusing_writes") == 1
	})
	checkRefusal(t, refusal)
	if metric := storeMetrics(t, f.Admin); metric.value("write_failed") != 0 {
		t.Errorf("metrics of a full disk: %v", metric.values)
	}
	f.readsGoOn(t)
	f.writesAgain(t)
	f.survivesRestart(t)

	f.Stop()
	f.disk.Fill(t, math.MaxInt64)
	if err := testserver.Refused(t, f.config); err == nil || !strings.Contains(err.Error(), "--data-dir") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a start on the full disk: %v, want what to do", err)
	}
	f.opensWithRoom(t)
}

// opensWithRoom clears the disk after a start that was refused. What that start
// has begun goes on until there is room and then lets go of the directory, and a
// test that ended before would leave it a path that soon names another disk.
func (f *fullDisk) opensWithRoom(t *testing.T) {
	t.Helper()
	f.disk.Clear(t)
	eventually(t, "the data directory to be let go", func() bool {
		data, err := engine.Open(engine.Config{Dir: f.config.DataDir, KeepIndexes: true})
		if errors.Is(err, engine.ErrLocked) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := data.Close(); err != nil {
			t.Error(err)
		}
		return true
	})
}

// A recorder drops an event at most errors. A refusal for a while must not be
// one of them.
func TestRecorderOnFullDisk(t *testing.T) {
	t.Parallel()
	f := nearlyFull(t)
	refused := &refusals{}
	config := rest.CopyConfig(f.Admin)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		refused.next = next
		return refused
	})
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/recorder")
	const reports = 20
	for n := range reports {
		object := &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: fmt.Sprint("recorded-", n), UID: types.UID(fmt.Sprint("recorded-", n))}
		recorder.Eventf(object, nil, corev1.EventTypeNormal, "Recorded", "Record", "on a full disk")
	}
	eventually(t, "the recorder to be refused", func() bool { return refused.count() >= reports })
	f.writesAgain(t)
	eventually(t, "the recorder's events", func() bool {
		list, err := f.client.Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Recorded"})
		return err == nil && len(list.Items) == reports
	})
}

// refusals counts answers that refuse for a while.
type refusals struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen int
}

func (r *refusals) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// RoundTrip implements http.RoundTripper.
func (r *refusals) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusTooManyRequests {
		if response.Header.Get("Retry-After") == "" {
			return nil, errors.New("a refusal without Retry-After")
		}
		r.mu.Lock()
		r.seen++
		r.mu.Unlock()
	}
	return response, err
}

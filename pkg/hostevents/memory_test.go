// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/kubehost"
)

// A host with large events must not make the server need more memory than its
// manifest allows: it would be killed, start, and be killed again. Not parallel:
// memory is that of the whole process.
func TestIngest_MemoryOfLargeEvents(t *testing.T) {
	const (
		count, size = 4000, 76 << 10
		// most is what may be added to what the caches of the store hold.
		most = 500 << 20
		// garbagePercent is what the server runs with.
		garbagePercent = 40
	)
	w := newWorld(t)
	host := httptest.NewServer(largeEvents{count: count, size: size})
	defer host.Close()
	client, err := kubehost.New(&rest.Config{Host: host.URL})
	if err != nil {
		t.Fatal(err)
	}
	bridge := hostevents.New(hostevents.Config{
		Mode: hostevents.ModeIngest, Host: client, Local: w.local, Outbox: w.outbox, Timeout: time.Second, HostTTL: modelTTL,
		Retention: func(*events.Event) time.Duration { return 100 * time.Hour },
		Elect: func(ctx context.Context, lead func(context.Context)) error {
			lead(ctx)
			return nil
		},
	})
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	debug.FreeOSMemory()
	before := memoryInUse()
	leader := &replica{bridge: bridge}
	leader.leads()
	defer leader.stop()
	peak := uint64(0)
	err = wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 8*time.Minute, true, func(context.Context) (bool, error) {
		peak = max(peak, memoryInUse())
		return bridge.Status().Ingested >= count, nil
	})
	if err != nil {
		t.Fatalf("ingested %d events: %v", bridge.Status().Ingested, err)
	}
	grown := int64(peak) - int64(before) //nolint:gosec // bytes of memory
	t.Logf("%d events of %d KiB: %d MiB more than before, at most", count, size>>10, grown>>20)
	if grown > most {
		t.Errorf("memory grew by %d MiB, want %d at most", grown>>20, most>>20)
	}
}

// memoryInUse is what the process has of the machine's memory.
func memoryInUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// largeEvents is a host with so many events of such a size, which it lists in
// protobuf. It has one of them in memory at a time, so that what the process
// needs is not the host's.
type largeEvents struct{ count, size int }

func (h largeEvents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("watch") != "" {
		<-r.Context().Done()
		return
	}
	from, _ := strconv.Atoi(query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	to := min(from+limit, h.count)
	list := corev1.EventList{ListMeta: metav1.ListMeta{ResourceVersion: "1000000"}}
	if to < h.count {
		list.Continue = strconv.Itoa(to)
	}
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
	// The client may give a large page up.
	_ = h.write(w, &list, from, to)
}

// write writes what the list and its events are as protobuf: an envelope with the
// kind, in which the list has its metadata and then one field for each event.
func (h largeEvents) write(w http.ResponseWriter, list *corev1.EventList, from, to int) error {
	head, err := list.Marshal()
	if err != nil {
		return err
	}
	length := len(head)
	for i := from; i < to; i++ {
		size := h.event(i).Size()
		length += len(binary.AppendUvarint([]byte{itemField}, uint64(size))) + size //nolint:gosec // not negative
	}
	kind := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: "EventList"}}
	envelope, err := kind.Marshal()
	if err != nil {
		return err
	}
	// The envelope ends with what is empty here, and its contents come last.
	raw := binary.AppendUvarint(append([]byte("k8s\x00"), append(typeOf(envelope), rawField)...), uint64(length))
	if _, err := w.Write(append(raw, head...)); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		encoded, err := h.event(i).Marshal()
		if err != nil {
			return err
		}
		if _, err := w.Write(append(binary.AppendUvarint([]byte{itemField}, uint64(len(encoded))), encoded...)); err != nil {
			return err
		}
	}
	return nil
}

// The fields that are written by hand, as protobuf numbers them with their type.
const (
	itemField = 2<<3 | 2 // EventList.items
	rawField  = 2<<3 | 2 // Unknown.raw
)

// typeOf is the first field of an envelope, that of the kind.
func typeOf(envelope []byte) []byte {
	size, n := binary.Uvarint(envelope[1:])
	return envelope[:1+n+int(size)] //nolint:gosec // the length of a message
}

func (h largeEvents) event(i int) *corev1.Event {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: modelNamespace, Name: fmt.Sprintf("e-%06d", i), UID: types.UID(fmt.Sprintf("uid-%d", i)),
			ResourceVersion: strconv.Itoa(1000 + i), CreationTimestamp: now,
		},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: modelNamespace, Name: "p"},
		Reason:         "Large", Message: strings.Repeat("x", h.size), FirstTimestamp: now, LastTimestamp: now, Count: 1, Type: corev1.EventTypeNormal,
	}
}

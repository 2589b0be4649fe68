// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	genericrest "k8s.io/apiserver/pkg/registry/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

// deletedNamespace is a namespace with many events of one size.
const (
	deletedNamespace = "team"
	deletedEvents    = 100_000
	deletedSize      = 1500
)

// garbagePercent is GOGC as the server sets it.
const garbagePercent = 40

// BenchmarkDeleteCollection_Memory measures how much memory it takes to delete
// all events of a namespace and to answer with them, as the built-in does. Run it
// once, with -benchtime 1x.
func BenchmarkDeleteCollection_Memory(b *testing.B) {
	api, rest := embeddedREST(b)
	ctx := genericapirequest.WithNamespace(b.Context(), deletedNamespace)
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	for b.Loop() {
		createLarge(ctx, b, rest)
		debug.FreeOSMemory()
		before := memoryInUse()
		peak := peakMemory(func() {
			list, err := rest.DeleteCollection(ctx, genericrest.ValidateAllObjectFunc, &metav1.DeleteOptions{}, &metainternalversion.ListOptions{})
			if err != nil {
				b.Fatal(err)
			}
			info, _ := runtime.SerializerInfoForMediaType(api.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
			if err := api.Codecs.EncoderForVersion(info.Serializer, eventsv1.SchemeGroupVersion).Encode(list, io.Discard); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(before>>20), "MiB-before")
		b.ReportMetric(float64(peak>>20), "MiB-at-most")
	}
}

func embeddedREST(b *testing.B) (*API, *event.REST) {
	b.Helper()
	api, err := NewAPI()
	if err != nil {
		b.Fatal(err)
	}
	opened, err := api.OpenEmbeddedStore(embedded.Config{Dir: b.TempDir(), DeleteCollectionWorkers: 10})
	if err != nil {
		b.Fatal(err)
	}
	rest, err := event.NewREST(api.Scheme, opened, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		rest.Destroy()
		if err := opened.Close(); err != nil {
			b.Error(err)
		}
	})
	return api, rest
}

// createLarge creates the events, many at once so that they share an fsync.
func createLarge(ctx context.Context, b *testing.B, rest *event.REST) {
	b.Helper()
	const atOnce = 200
	var all sync.WaitGroup
	for first := range atOnce {
		all.Go(func() {
			for i := first; i < deletedEvents; i += atOnce {
				created := &events.Event{
					ObjectMeta: metav1.ObjectMeta{Namespace: deletedNamespace, Name: fmt.Sprintf("e-%06d", i)},
					EventTime:  metav1.NowMicro(), Note: "it runs", Action: "Start", Reason: "Started", Type: "Normal",
					ReportingController: "example.com/c", ReportingInstance: "c-1",
					Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p", Namespace: deletedNamespace},
				}
				created.Annotations = map[string]string{"a": strings.Repeat("x", deletedSize-300)}
				if _, err := rest.Create(ctx, created, nil, &metav1.CreateOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// peakMemory is the most memory that the process had while do ran.
func peakMemory(do func()) (peak uint64) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				peak = max(peak, memoryInUse())
			}
		}
	})
	do()
	close(done)
	watching.Wait()
	return peak
}

// memoryInUse is what the process has of the machine's memory.
func memoryInUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// sizedHost lists events of which each is as large as its size says.
type sizedHost struct {
	Host
	sizes []int64
	// most is the largest page that it has given out, pages how many events each had.
	most  int64
	pages []int
}

func (h *sizedHost) List(_ context.Context, continueFrom string, limit int64) (Page, error) {
	from, _ := strconv.Atoi(continueFrom)
	page := Page{Version: 7}
	for i := from; i < len(h.sizes) && int64(len(page.Items)) < limit; i++ {
		page.Items = append(page.Items, &events.Event{})
		page.Bytes += h.sizes[i]
	}
	if limit > 1 && page.Bytes > mostPageBytes {
		return Page{}, errPageTooLarge
	}
	if from += len(page.Items); from < len(h.sizes) {
		page.Continue = strconv.Itoa(from)
	}
	h.most = max(h.most, page.Bytes)
	h.pages = append(h.pages, len(page.Items))
	return page, nil
}

func repeated(size int64, times int) []int64 {
	sizes := make([]int64, times)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// What a page takes must not depend on how large the events are, nor must there be
// many pages of small ones: the host counts all that follow for each.
func TestHostPages_AreOfSoManyBytes(t *testing.T) {
	t.Parallel()
	const small, large, huge = 1500, 76 << 10, 1500 << 10
	for name, test := range map[string]struct {
		sizes []int64
		// most is how large a page may be, pages how many there may be.
		most  int64
		pages int
	}{
		"small":                   {repeated(small, 20_000), pageBytes, 13},
		"large":                   {repeated(large, 4000), pageBytes + pageBytes/8, 42},
		"huge":                    {repeated(huge, 100), mostPageBytes, 30},
		"larger than a page":      {repeated(2*mostPageBytes, 3), 2 * mostPageBytes, 3},
		"large after small":       {append(repeated(small, 10_000), repeated(large, 2000)...), mostPageBytes, 40},
		"huge after small":        {append(repeated(small, 10_000), repeated(huge, 50)...), mostPageBytes, 30},
		"small after large":       {append(repeated(large, 500), repeated(small, 10_000)...), mostPageBytes, 25},
		"of a size that it hides": {repeated(0, 20_000), 0, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := &sizedHost{sizes: test.sizes}
			got := 0
			for page := range hostPages(t.Context(), host) {
				if page.err != nil {
					t.Fatal(page.err)
				}
				got += len(page.Items)
			}
			if got != len(test.sizes) {
				t.Errorf("%d events came, want %d", got, len(test.sizes))
			}
			if host.most > test.most || len(host.pages) > test.pages {
				t.Errorf("the largest page had %d bytes, want %d at most; %d pages, want %d at most: %v", host.most, test.most, len(host.pages), test.pages, host.pages)
			}
		})
	}
}

// A page that is too large must be given up while it is read, not afterwards.
func TestClient_GivesUpALargePage(t *testing.T) {
	t.Parallel()
	var asked sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		asked.Store(limit, true)
		list := &corev1.EventList{}
		list.ResourceVersion = "7"
		for i := range limit {
			event := corev1.Event{Message: strings.Repeat("m", 12<<20)}
			event.Name, event.ResourceVersion = strconv.Itoa(i), "6"
			list.Items = append(list.Items, event)
		}
		info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
		w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
		// The client may be gone before the end.
		_ = scheme.Codecs.EncoderForVersion(info.Serializer, corev1.SchemeGroupVersion).Encode(list, w)
	}))
	defer server.Close()
	host, err := NewHost(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	page, err := nextPage(t.Context(), host, "", &pageLimit{next: 8, most: 8})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 2 || page.Bytes < 24<<20 || page.Bytes > 25<<20 || page.Items[1].Host.Version != 6 {
		t.Errorf("got %d events in %d bytes, want the two that fit", len(page.Items), page.Bytes)
	}
	if _, ok := asked.Load(8); !ok {
		t.Error("the page that is too large was not asked for")
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// A page that is too large must be given up while it is read, not afterwards.
func TestClient_GivesUpALargePage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
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
	host, err := New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.List(t.Context(), "", 8); !errors.Is(err, hostevents.ErrPageTooLarge) {
		t.Errorf("a page of 96 MiB ended with %v", err)
	}
	page, err := host.List(t.Context(), "", 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 2 || page.Bytes < 24<<20 || page.Bytes > 25<<20 || page.Items[1].Host.Version != 6 {
		t.Errorf("got %d events in %d bytes, want the two that fit", len(page.Items), page.Bytes)
	}
}

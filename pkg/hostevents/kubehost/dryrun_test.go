// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// A host answers a dry run of a creation with an event that has no version. That
// is an answer: it must not count as a host that fails, or a few dry runs would
// send the writes after them into the queue.
func TestBridge_DryRunsAreNoFailures(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(answerDryRun))
	defer server.Close()
	host, err := New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	b := hostevents.New(hostevents.Config{Mode: hostevents.ModeSync, Host: host, Timeout: time.Minute})
	for range 10 {
		event := &events.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a", UID: "ours"}}
		if err := b.TryCreate(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		if err := b.TryUpdate(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		event.Host.Version = 7
		if err := b.TryUpdate(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	if status := b.Status(); !status.HostAvailable || status.MirrorFailed != 0 {
		t.Errorf("after dry runs the host counts as available: %t, %d failures, the last: %s", status.HostAvailable, status.MirrorFailed, status.LastFailure)
	}
}

// answerDryRun returns what it is sent, with a uid and without a version, as
// kube-apiserver does.
func answerDryRun(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("dryRun") != metav1.DryRunAll {
		http.Error(w, "this is no dry run", http.StatusInternalServerError)
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	event := &corev1.Event{}
	if err := runtime.DecodeInto(scheme.Codecs.UniversalDeserializer(), data, event); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	event.UID, event.ResourceVersion = uuid.NewUUID(), ""
	event.APIVersion, event.Kind = "v1", "Event"
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	if err := json.NewEncoder(w).Encode(event); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

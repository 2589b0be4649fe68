// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

func listEverything() metav1.ListOptions {
	timeout := int64(waitTimeout / time.Second)
	return metav1.ListOptions{TimeoutSeconds: &timeout}
}

func withTTL(ttl time.Duration) func(*options.Options) {
	return func(options *options.Options) { options.EventTTL = ttl }
}

func get(t *testing.T, config *rest.Config, path string) (string, error) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := client.Discovery().RESTClient().Get().RequestURI(path).DoRaw(t.Context())
	return string(body), err
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	checks := map[string]string{"etcd": "[+]etcd-readiness ok", "embedded": "[+]embedded-store ok", "embedded, encrypted": "[+]embedded-store ok"}
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testEndpoints(t, testserver.Start(t, store(t)), checks[name])
		})
	}
}

func testEndpoints(t *testing.T, server *testserver.Server, storeCheck string) {
	t.Helper()
	for path, want := range map[string]string{
		"/livez?verbose":                          "livez check passed",
		"/readyz?verbose":                         storeCheck,
		"/readyz/poststarthook/storage-readiness": "ok",
		"/metrics":                                "apiserver_request_total",
		"/version":                                `"gitVersion": "v0.0.0-unknown"`,
		"/apis":                                   "events.k8s.io",
		"/apis/events.k8s.io":                     `"preferredVersion"`,
		"/apis/events.k8s.io/v1":                  `"shortNames":["ev"]`,
		"/openapi/v2":                             "io.k8s.api.events.v1.Event",
		"/openapi/v3/apis/events.k8s.io/v1":       "io.k8s.api.events.v1.EventList",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			body, err := get(t, server.Admin, path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, want) {
				t.Errorf("no %q in:\n%.2000s", want, body)
			}
		})
	}
	// Restarting this server brings no etcd back.
	if body, err := get(t, server.Admin, "/livez?verbose"); err != nil || strings.Contains(body, "etcd") {
		t.Errorf("/livez depends on etcd: %v\n%s", err, body)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	server := testserver.Start(t, testserver.Config{})
	nobody := rest.AnonymousClientConfig(server.Admin)
	if _, err := get(t, nobody, "/apis/events.k8s.io/v1/events"); !apierrors.IsUnauthorized(err) {
		t.Errorf("without credentials: got %v, want Unauthorized", err)
	}
	wrong := rest.AnonymousClientConfig(server.Admin)
	wrong.BearerToken = "wrong"
	if _, err := get(t, wrong, "/apis/events.k8s.io/v1/events"); !apierrors.IsUnauthorized(err) {
		t.Errorf("with a wrong token: got %v, want Unauthorized", err)
	}
	for _, probe := range []string{"/livez", "/readyz"} {
		if _, err := get(t, nobody, probe); err != nil {
			t.Errorf("%s without credentials: %v; the kubelet has none", probe, err)
		}
	}
}

// With the etcd store a list by a field with an index must be answered from it,
// within a namespace and across all of them. Not parallel: the servers of this
// process share their metrics, and others list too.
func TestIndexedLists(t *testing.T) {
	server := testserver.Start(t, testserver.Config{EtcdURL: testserver.StartEtcd(t)})
	client := jsonClient(t, server.Admin)
	create(t, client, newEvent("a"))
	for field, value := range map[string]string{
		"regarding.uid": "uid-a", "regarding.name": "pod-a", "reason": "Started",
		"type": "Normal", "reportingController": "example.com/controller", "regarding.kind": "Pod",
	} {
		for scope, in := range map[string]string{"namespace": namespace, "cluster": metav1.NamespaceAll} {
			before := indexUses(t, server.Admin, field)
			list, err := client.Events(in).List(t.Context(), metav1.ListOptions{FieldSelector: field + "=" + value})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("%s in the %s: %v, %v", field, scope, names(list.Items), err)
			}
			if indexUses(t, server.Admin, field) == before {
				t.Errorf("a list by %s in the %s did not use the index", field, scope)
			}
		}
	}
}

// indexUses returns the line that counts lists answered from the field's index.
func indexUses(t *testing.T, config *rest.Config, field string) string {
	t.Helper()
	metrics, err := get(t, config, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(metrics, "\n") {
		if strings.HasPrefix(line, "apiserver_cache_list_total{") && strings.Contains(line, `index="f:`+field+`"`) {
			return line
		}
	}
	return ""
}

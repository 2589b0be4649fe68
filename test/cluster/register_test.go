// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAvailableFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		condition map[string]any
		want      string // part of the error; empty for none
	}{
		"by the service":  {map[string]any{"type": "Available", "status": "True", "reason": "Passed"}, ""},
		"still built in":  {map[string]any{"type": "Available", "status": "True", "reason": "Local"}, "Local"},
		"not reachable":   {map[string]any{"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": "dial tcp"}, "dial tcp"},
		"other condition": {map[string]any{"type": "Other", "status": "True", "reason": "Passed"}, "no condition Available"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &unstructured.Unstructured{Object: map[string]any{
				"status": map[string]any{"conditions": []any{test.condition}},
			}}
			err := availableFor(service, answeredByService)
			if test.want == "" && err != nil {
				t.Errorf("got error %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestCurrentIn(t *testing.T) {
	t.Parallel()
	some := []apidiscoveryv2.APIResourceDiscovery{{Resource: "events"}}
	for name, test := range map[string]struct {
		group   string
		version apidiscoveryv2.APIVersionDiscovery
		ok      bool
	}{
		"current": {"events.k8s.io", apidiscoveryv2.APIVersionDiscovery{Version: "v1", Freshness: "Current", Resources: some}, true},
		"stale":   {"events.k8s.io", apidiscoveryv2.APIVersionDiscovery{Version: "v1", Freshness: "Stale", Resources: some}, false},
		"empty":   {"events.k8s.io", apidiscoveryv2.APIVersionDiscovery{Version: "v1", Freshness: "Current"}, false},
		"another": {"apps", apidiscoveryv2.APIVersionDiscovery{Version: "v1", Freshness: "Current", Resources: some}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := apidiscoveryv2.APIGroupDiscoveryList{Items: []apidiscoveryv2.APIGroupDiscovery{{
				ObjectMeta: metav1.ObjectMeta{Name: test.group},
				Versions:   []apidiscoveryv2.APIVersionDiscovery{test.version},
			}}}
			if err := currentIn(list); (err == nil) != test.ok {
				t.Errorf("got %v, want no error: %v", err, test.ok)
			}
		})
	}
}

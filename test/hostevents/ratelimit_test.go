// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// TestEventRateLimit has kube-apiserver limit the events of each user. It lets
// events.k8s.io pass such a limit, but not the mirrored writes, which are all of
// one user: they are acknowledged all the same, and none is lost.
func TestEventRateLimit(t *testing.T) {
	config := filepath.Join(t.TempDir(), "admission.yaml")
	const limits = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: EventRateLimit
    configuration:
      apiVersion: eventratelimit.admission.k8s.io/v1alpha1
      kind: Configuration
      limits:
        - type: User
          qps: 10
          burst: 5
`
	if err := os.WriteFile(config, []byte(limits), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, map[string][]string{
		cluster.KubeAPIServer: {"--enable-admission-plugins=EventRateLimit", "--admission-control-config-file=" + config},
	})
	t.Run("no event is lost", func(t *testing.T) {
		limited := &scene{suite: s, namespace: s.MakeNamespace(t, "limited")}
		const n = 50
		for i := range n {
			if _, err := limited.create(t.Context(), s.Admin, fmt.Sprintf("e-%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(s.equalContents(t, limited.namespace)); got != n {
			t.Errorf("%d events are in both views, want %d", got, n)
		}
	})
	t.Run("preflight", func(t *testing.T) { testPreflight(t, s) })
}

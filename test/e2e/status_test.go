// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// What operators see of the bridge: in /readyz, in the metrics, in the lease.
func testStatus(t *testing.T, s *suite) {
	client, err := kubernetes.NewForConfig(s.Direct(t, s.Rest))
	if err != nil {
		t.Fatal(err)
	}
	direct := client.Discovery().RESTClient()
	clustertest.Eventually(t, "the status of a bridge at rest", func(ctx context.Context) error {
		ready, err := direct.Get().AbsPath("/readyz").Param("verbose", "").DoRaw(ctx)
		if err != nil {
			return err
		}
		metrics, err := direct.Get().AbsPath("/metrics").DoRaw(ctx)
		if err != nil {
			return err
		}
		text := string(ready) + string(metrics)
		for _, want := range []string{
			"[+]host-events ok\n", "[i]host-events mode=sync, leader=true, connected=true, lag=", ", queue=0, host-away=false",
			"events_apiserver_host_events_leader 1\n", "events_apiserver_host_events_queue_length 0\n", "events_apiserver_host_events_taken_in_total ",
		} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("no %q in:\n%s", want, ready)
			}
		}
		return nil
	})
	lease, err := s.Admin.CoordinationV1().Leases("events-apiserver").Get(t.Context(), "host-events", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		t.Errorf("nobody holds the lease: %v, %v", lease.Spec.HolderIdentity, err)
	}
}

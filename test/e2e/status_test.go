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

// What operators see of the bridge: its metrics and its Lease.
func testStatus(t *testing.T, s *suite) {
	client, err := kubernetes.NewForConfig(s.Direct(t, s.Rest))
	if err != nil {
		t.Fatal(err)
	}
	direct := client.Discovery().RESTClient()
	clustertest.Eventually(t, "the status of a bridge at rest", func(ctx context.Context) error {
		metrics, err := direct.Get().AbsPath("/metrics").DoRaw(ctx)
		if err != nil {
			return err
		}
		for _, want := range []string{
			"events_apiserver_host_events_leader 1\n", "events_apiserver_host_events_host_available 1\n",
			"events_apiserver_host_events_queue_length 0\n", "events_apiserver_host_events_ingested_total ",
		} {
			if !strings.Contains(string(metrics), want) {
				return fmt.Errorf("no %q in:\n%s", want, metrics)
			}
		}
		return nil
	})
	lease, err := s.Admin.CoordinationV1().Leases("events-apiserver").Get(t.Context(), "host-events", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		t.Errorf("nobody holds the lease: %v, %v", lease.Spec.HolderIdentity, err)
	}
}

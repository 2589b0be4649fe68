// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const (
	repoDir = "../.."
	// patience bounds every wait for something that must happen, on a busy
	// machine.
	patience = 2 * time.Minute
	pollStep = 100 * time.Millisecond
)

// suite is a cluster in which events-apiserver is registered.
type suite struct {
	*cluster.Cluster
	// admin talks to kube-apiserver as an administrator.
	admin kubernetes.Interface
}

// The parts run one after another in one cluster for each store, the disruptive
// ones last: a control plane for each would take the machine most of its time.
func TestRegistered(t *testing.T) {
	for _, store := range []string{cluster.StoreEmbedded, cluster.StoreEtcd} {
		t.Run(store, func(t *testing.T) { testRegistered(t, start(t, store)) })
	}
}

func testRegistered(t *testing.T, s *suite) {
	t.Helper()
	parts := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"kubectl", testKubectl},
		{"scheduler", testScheduler},
		{"rights", testRights},
		{"admission", testAdmission},
		{"namespace deletion", testNamespaceDeletion},
		{"upstream", testUpstream},
		{"server killed", testServerKilled},
		{"kube-apiserver restarted", testKubeAPIServerRestarted},
		{"given back", testGivenBack},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
}

func start(t *testing.T, store string) *suite {
	t.Helper()
	r := clustertest.Start(t, cluster.Config{RepoDir: repoDir, Store: store})
	return &suite{Cluster: r.Cluster, admin: r.Admin}
}

// component returns a program of the cluster.
func (s *suite) component(t *testing.T, name string) *cluster.Component {
	t.Helper()
	component, err := s.Component(name)
	if err != nil {
		t.Fatal(err)
	}
	return component
}

// eventually waits for a condition; its last error says what was missing.
func eventually(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pollStep, patience, true, func(ctx context.Context) (bool, error) {
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waited %s in vain for %s: %v", patience, what, last)
	}
}

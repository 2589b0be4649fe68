// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"github.com/events-apiserver/events-apiserver/test/bridge"
	"github.com/events-apiserver/events-apiserver/test/clients"
	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// suite is a cluster in which events-apiserver is registered.
type suite struct {
	*clustertest.Cluster
}

// TestRegistered starts a plain cluster and one with events-apiserver for each
// store, and runs in them all that needs no cluster of its own: to start one takes
// longer than most parts. Both stores go on at the same time; what ends components
// comes last.
func TestRegistered(t *testing.T) {
	t.Parallel()
	all := bridge.Start(t)
	t.Run("same as a plain cluster", all.Test)
	for _, host := range all.Ours {
		t.Run(host.Name, func(t *testing.T) {
			t.Parallel()
			if host.IsPlain() {
				host.Test(t)
				return
			}
			testRegistered(t, host)
		})
	}
}

func testRegistered(t *testing.T, host *bridge.Host) {
	t.Helper()
	s := &suite{host.Cluster}
	run := func(name string, part func(*testing.T, *suite)) {
		t.Run(name, func(t *testing.T) { part(t, s) })
	}
	run("scheduler", testScheduler)
	run("rights", testRights)
	run("admission", testAdmission)
	run("namespace deletion", testNamespaceDeletion)
	run("upstream", testUpstream)
	if s.Config().Store == cluster.StoreEmbedded {
		t.Run("clients", func(t *testing.T) { clients.Run(t, host.Cluster) })
	}
	t.Run("bridge", host.Test)
	run("status", testStatus)
	t.Run("bridge disturbed", host.TestDisturbed)
	run("server killed", testServerKilled)
	run("kube-apiserver restarted", testKubeAPIServerRestarted)
	run("given back", testGivenBack)
}

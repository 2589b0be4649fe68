// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// Host is one cluster. One without a proxy is a plain one.
type Host struct {
	*clustertest.Cluster
	Name   string
	proxy  *hostProxy
	client *client
	seed   uint64
}

// Clusters are a plain cluster, and one with events-apiserver for each store.
type Clusters struct {
	Ours  []*Host
	plain *Host
	seed  uint64
}

// Start starts the clusters, which end with the test.
func Start(t *testing.T) *Clusters {
	t.Helper()
	seed, err := seedOf(os.Getenv("BRIDGE_SEED"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: the same again with BRIDGE_SEED=%d", seed, seed)
	made := make([]*Host, 3)
	errs := make([]error, len(made))
	var starting sync.WaitGroup
	for i, store := range []string{"", cluster.StoreEtcd, cluster.StoreEmbedded} {
		starting.Go(func() { made[i], errs[i] = startHost(t, store, nil) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, h := range made {
		h.seed = seed
	}
	return &Clusters{plain: made[0], Ours: made[1:], seed: seed}
}

// Test compares all clusters, while they do the same.
func (all *Clusters) Test(t *testing.T) {
	t.Run("scripts", all.testScripts)
	t.Run("made up", all.testRandom)
}

// Test runs what leaves all components of the cluster alone.
func (h *Host) Test(t *testing.T) {
	t.Run("echoes", func(t *testing.T) { testEchoes(t, h) })
	t.Run("races", func(t *testing.T) { testRaces(t, h, h.seed) })
	t.Run("kubectl", func(t *testing.T) { testSeenByKubectl(t, h) })
	if !h.IsPlain() {
		t.Run("flow control", func(t *testing.T) { testFlowControl(t, h) })
	}
}

// TestDisturbed makes the host fail, and ends and restarts components.
func (h *Host) TestDisturbed(t *testing.T) {
	t.Run("restart", func(t *testing.T) { testRestart(t, h) })
	t.Run("host unwell", func(t *testing.T) { testHostUnwell(t, h) })
	t.Run("faults", func(t *testing.T) { testFaults(t, h, h.seed) })
}

// IsPlain reports whether there is no events-apiserver in the cluster, and so
// nothing in between that could fail.
func (h *Host) IsPlain() bool { return h.proxy == nil }

func seedOf(text string) (uint64, error) {
	if text == "" {
		return rand.Uint64N(1e9), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("BRIDGE_SEED is %q: want a number", text)
	}
	return seed, nil
}

// builtIn is the mode in which plain clusters stand in for ours, to see whether
// the scripts compare only what clusters have in common.
const builtIn = "built-in"

// hostEvents is the mode of the bridge. Another than sync is to see the tests fail.
func hostEvents() string {
	if mode := os.Getenv("BRIDGE_HOST_EVENTS"); mode != "" {
		return mode
	}
	return "sync"
}

// startHost starts a cluster; without a store it is a plain one.
func startHost(t *testing.T, store string, extraArgs map[string][]string) (*Host, error) {
	t.Helper()
	h := &Host{Name: "plain"}
	if store != "" && hostEvents() == builtIn {
		h.Name, store = "the other plain one for "+store, ""
	} else if store != "" {
		h.Name = store
	}
	config := cluster.Config{RepoDir: "../..", Store: store, ExtraArgs: map[string][]string{}, Log: clustertest.Log{T: t, Name: h.Name}}
	config, err := clustertest.Complete(t, config)
	if err != nil {
		return nil, err
	}
	maps.Copy(config.ExtraArgs, extraArgs)
	if store != "" {
		config.EventsAPIServer = filepath.Join(config.RepoDir, "bin", "events-apiserver")
		if err := h.viaProxy(t, &config); err != nil {
			return nil, err
		}
	}
	made, err := cluster.New(config)
	if err != nil {
		return nil, err
	}
	if h.proxy != nil {
		h.proxy.towards(made.Config().Ports.KubeAPIServer, filepath.Join(config.Dir, cluster.EventsAPIServer+".kubeconfig"))
	}
	if h.Cluster, err = clustertest.Run(t, made); err != nil {
		return nil, err
	}
	h.client, err = newClient(h.Rest)
	return h, err
}

// viaProxy puts a proxy between events-apiserver and its host.
func (h *Host) viaProxy(t *testing.T, config *cluster.Config) error {
	t.Helper()
	h.proxy = newHostProxy()
	t.Cleanup(h.proxy.close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := h.proxy.writeKubeconfig(kubeconfig); err != nil {
		return err
	}
	config.ExtraArgs[cluster.EventsAPIServer] = append([]string{"--host-events=" + hostEvents(), "--kubeconfig=" + kubeconfig}, config.ExtraArgs[cluster.EventsAPIServer]...)
	return nil
}

// must makes a request that has to succeed.
func (c *client) must(ctx context.Context, method, path, contentType string, body any) (tree, error) {
	got, err := c.ask(ctx, method, path, nil, contentType, body)
	if err != nil {
		return nil, err
	}
	if got.code >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %d %v", method, path, got.code, got.body["message"])
	}
	return got.body, nil
}

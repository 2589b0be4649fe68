// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const (
	repoDir = "../.."
	// patience bounds every wait for something that must happen, on a busy machine.
	patience = 45 * time.Second
	pollStep = 25 * time.Millisecond
)

// host is one cluster. One without a proxy is a plain one.
type host struct {
	*cluster.Cluster
	name   string
	proxy  *hostProxy
	config *rest.Config
	client *client
	typed  kubernetes.Interface
}

// hosts are a plain cluster, and one with events-apiserver for each store.
type hosts struct {
	plain *host
	ours  []*host
	seed  uint64
}

// TestBridge runs its parts on three clusters: to start them takes as long as
// most of the parts together. The disruptive part comes last.
func TestBridge(t *testing.T) {
	seed, err := seedOf(os.Getenv("BRIDGE_SEED"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: the same again with BRIDGE_SEED=%d", seed, seed)
	all := startHosts(t, seed)
	t.Run("scripts", all.testScripts)
	t.Run("made up", all.testRandom)
	for _, h := range all.ours {
		t.Run(h.name, func(t *testing.T) {
			t.Run("echoes", func(t *testing.T) { testEchoes(t, h) })
			t.Run("races", func(t *testing.T) { testRaces(t, h, seed) })
			t.Run("kubectl", func(t *testing.T) { testSeenByKubectl(t, h) })
			if h.proxy == nil {
				return // a plain cluster in its place: there is nothing in between to fail
			}
			t.Run("host unwell", func(t *testing.T) { testHostUnwell(t, h) })
			t.Run("faults", func(t *testing.T) { testFaults(t, h, seed) })
		})
	}
}

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

func startHosts(t *testing.T, seed uint64) *hosts {
	t.Helper()
	made := make([]*host, 3)
	errs := make([]error, len(made))
	var starting sync.WaitGroup
	for i, store := range []string{"", cluster.StoreEtcd, cluster.StoreEmbedded} {
		starting.Go(func() { made[i], errs[i] = startHost(t, store, nil) })
	}
	starting.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &hosts{plain: made[0], ours: made[1:], seed: seed}
}

// startHost starts a cluster; without a store it is a plain one.
func startHost(t *testing.T, store string, extraArgs map[string][]string) (*host, error) {
	t.Helper()
	tools, err := cluster.FindTools(t.Context(), repoDir)
	if err != nil {
		return nil, err
	}
	h := &host{name: "plain"}
	config := cluster.Config{Dir: t.TempDir(), ToolsDir: tools, RepoDir: repoDir, UnsafeNoFsync: true, ExtraArgs: map[string][]string{}}
	maps.Copy(config.ExtraArgs, extraArgs)
	if store != "" && hostEvents() == builtIn {
		h.name, store = "the other plain one", ""
	}
	if store != "" {
		h.name = store
		config.Store = store
		config.EventsAPIServer = filepath.Join(repoDir, "bin", "events-apiserver")
		if err := h.viaProxy(t, &config); err != nil {
			return nil, err
		}
	}
	config.Log = clustertest.Log{T: t, Name: h.name}
	if h.Cluster, err = cluster.New(config); err != nil {
		return nil, err
	}
	if h.proxy != nil {
		h.proxy.towards(h.Config().Ports.KubeAPIServer, filepath.Join(config.Dir, cluster.EventsAPIServer+".kubeconfig"))
	}
	if err := h.Start(t.Context()); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			h.keepLogs(t)
		}
	})
	if store != "" {
		if err := h.Register(t.Context()); err != nil {
			return nil, err
		}
	}
	err = h.connect()
	return h, err
}

// viaProxy puts a proxy between events-apiserver and its host.
func (h *host) viaProxy(t *testing.T, config *cluster.Config) error {
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

func (h *host) connect() (err error) {
	if h.config, err = h.AdminConfig(); err != nil {
		return err
	}
	h.config.QPS = -1
	if h.client, err = newClient(h.config); err != nil {
		return err
	}
	h.typed, err = kubernetes.NewForConfig(h.config)
	return err
}

// keepLogs shows the end of the server's log of a test that failed.
func (h *host) keepLogs(t *testing.T) {
	t.Helper()
	dir := os.Getenv("BRIDGE_LOGS")
	if dir == "" {
		return
	}
	for _, component := range h.Components() {
		data, err := os.ReadFile(component.LogFile())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, h.name+"-"+component.Name()+".log"), data, 0o600)
		}
		if err != nil {
			t.Log(err)
		}
	}
}

// eventually waits for a condition; its last error says what was missing.
func eventually(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	if err := await(t.Context(), what, condition); err != nil {
		t.Fatal(err)
	}
}

func await(ctx context.Context, what string, condition func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollStep, patience, true, func(ctx context.Context) (bool, error) {
		err := condition(ctx)
		if err == nil || ctx.Err() == nil || last == nil {
			// What the end of the wait broke off tells nothing.
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waited %s in vain for %s: %w", patience, what, last)
	}
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

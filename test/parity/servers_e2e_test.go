// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const repoDir = "../.."

// startPair starts the two clusters: a plain one, and one with events-apiserver
// registered in it.
//
// PARITY_CLUSTERS names a directory in which they are left running, and found
// again by the next run, which saves most of the time when writing cases.
func startPair(t *testing.T) *pair {
	t.Helper()
	keep := os.Getenv("PARITY_CLUSTERS")
	dir := keep
	if dir == "" {
		dir = t.TempDir()
	}
	tools, err := cluster.FindTools(t.Context(), repoDir)
	if err != nil {
		t.Fatal(err)
	}
	config := func(name string) cluster.Config {
		return cluster.Config{
			Dir: filepath.Join(dir, name), ToolsDir: tools, RepoDir: repoDir,
			UnsafeNoFsync: true, Detached: keep != "", Log: clustertest.Log{T: t, Name: name},
		}
	}
	plain, registered := config("built-in"), config("ours")
	registered.EventsAPIServer = filepath.Join(repoDir, "bin", "events-apiserver")
	registered.Store = parityStore()

	var both sync.WaitGroup
	var builtIn, ours *target
	var builtInErr, oursErr error
	both.Go(func() { builtIn, builtInErr = startTarget(t, plain) })
	both.Go(func() { ours, oursErr = startTarget(t, registered) })
	both.Wait()
	if err := errors.Join(builtInErr, oursErr); err != nil {
		t.Fatal(err)
	}
	return &pair{builtIn: builtIn, ours: ours}
}

func startTarget(t *testing.T, config cluster.Config) (*target, error) {
	t.Helper()
	c, err := openOrStart(t, config)
	if err != nil {
		return nil, err
	}
	made, err := newTarget(c, cluster.KubeAPIServer)
	if err != nil || config.EventsAPIServer == "" {
		return made, err
	}
	component, err := c.Component(cluster.EventsAPIServer)
	if err != nil {
		return nil, err
	}
	if config.Store != cluster.StoreEmbedded {
		// Its watch cache has a memory of its own.
		made.restart = func(ctx context.Context) error { return restart(ctx, c, component) }
	}
	made.direct, err = newTarget(c, cluster.EventsAPIServer)
	return made, err
}

// parityStore is the store of events-apiserver in this run.
func parityStore() string { return cmp.Or(os.Getenv("PARITY_STORE"), cluster.StoreEmbedded) }

func openOrStart(t *testing.T, config cluster.Config) (*cluster.Cluster, error) {
	t.Helper()
	if config.Detached {
		if c, err := reopen(t, config); c != nil || err != nil {
			return c, err
		}
	}
	c, err := cluster.New(config)
	if err != nil {
		return nil, err
	}
	if err := c.Start(t.Context()); err != nil {
		return nil, err
	}
	if !config.Detached {
		t.Cleanup(func() {
			if err := c.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	if config.EventsAPIServer == "" {
		return c, nil
	}
	if err := c.Register(t.Context()); err != nil {
		return nil, err
	}
	return c, nil
}

// reopen finds the cluster that an earlier run left. The server under test is
// restarted, because its program may have been rebuilt.
func reopen(t *testing.T, config cluster.Config) (*cluster.Cluster, error) {
	t.Helper()
	c, err := cluster.Open(config.Dir, config.Log)
	var notRunning *cluster.NotRunningError
	if errors.As(err, &notRunning) || err == nil && !c.Running() {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	if err != nil || config.EventsAPIServer == "" {
		return c, err
	}
	component, err := c.Component(cluster.EventsAPIServer)
	if err != nil {
		return nil, err
	}
	if err := restart(t.Context(), c, component); err != nil {
		return nil, err
	}
	return c, nil
}

func restart(ctx context.Context, c *cluster.Cluster, server *cluster.Component) error {
	if err := server.Restart(ctx); err != nil {
		return err
	}
	return c.WaitRegistered(ctx)
}

func newTarget(c *cluster.Cluster, server string) (*target, error) {
	component, err := c.Component(server)
	if err != nil {
		return nil, err
	}
	made := &target{
		name:    "the built-in",
		url:     fmt.Sprintf("https://127.0.0.1:%d", component.Port()),
		clients: map[string]*http.Client{},
	}
	store := cluster.Etcd
	if c.Config().EventsAPIServer != "" {
		made.name, store = "ours", cluster.EventsEtcd
	}
	if made.compact, err = compactStoreOf(c, store); err != nil {
		return nil, err
	}
	admin, err := c.AdminConfig()
	if err != nil {
		return nil, err
	}
	nobody, err := c.UserConfig("nobody-special")
	if err != nil {
		return nil, err
	}
	anonymous := rest.AnonymousClientConfig(admin)
	for user, config := range map[string]*rest.Config{
		userAdmin: admin, userNobody: nobody, userAnonymous: anonymous, userBadToken: anonymous,
	} {
		if server == cluster.EventsAPIServer {
			config = rest.CopyConfig(config)
			config.CAData = nil
			config.CAFile = filepath.Join(c.Config().Dir, "events-apiserver", "certs", "ca.crt")
		}
		if made.clients[user], err = newClient(config); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// compactStoreOf returns what compacts the store that keeps a server's events.
func compactStoreOf(c *cluster.Cluster, store string) (func(context.Context) error, error) {
	config := c.Config()
	if store == cluster.EventsEtcd && config.Store == cluster.StoreEmbedded {
		return compactEmbedded(config.EventsAPIServer, filepath.Join(config.Dir, "data", cluster.EventsAPIServer)), nil
	}
	etcd, err := c.Component(store)
	if err != nil {
		return nil, err
	}
	return compactEtcd(fmt.Sprintf("http://127.0.0.1:%d", etcd.Port())), nil
}

// newClient keeps the credentials of a client configuration and nothing else:
// what is sent is what the data says.
func newClient(config *rest.Config) (*http.Client, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

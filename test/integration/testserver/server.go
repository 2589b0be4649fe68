// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package testserver

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	etcd3metrics "k8s.io/apiserver/pkg/storage/etcd3/metrics"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/test/freeport"
)

// Config is the configuration of a test server.
type Config struct {
	// EtcdURL is the etcd to use; without one the embedded store is used.
	EtcdURL string
	// DataDir is where the embedded store keeps its data; a directory of the
	// test's own if empty.
	DataDir string
	// Dir keeps the certificates; a directory of the test's own if empty. A
	// server started later with the same one is known to the same clients.
	Dir string
	// Address is where to listen; a free port of loopback if empty.
	Address string
	// Encryption encrypts events at rest; nil does not.
	Encryption *EncryptionFile
	// Change adapts the options; nil for none.
	Change func(*options.Options)
}

// Server is a running server.
type Server struct {
	// Admin is allowed everything.
	Admin *rest.Config
	// Address is where it listens.
	Address string

	stop func()
}

// Stop ends the server in order and waits for it. It may be called again.
func (s *Server) Stop() { s.stop() }

// Start starts a server and waits until it is ready. It ends with the test, if
// it was not stopped before.
func Start(tb testing.TB, config Config) *Server {
	tb.Helper()
	if config.Dir == "" {
		config.Dir = tb.TempDir()
	}
	if config.EtcdURL == "" && config.DataDir == "" {
		config.DataDir = tb.TempDir()
	}
	listener := listenAt(tb, config.Address)
	ended := run(tb, config, listener)
	running := &Server{Address: listener.Addr().String(), stop: stopOnce(tb, ended)}
	if config.EtcdURL != "" {
		tb.Cleanup(forgetEtcd)
	}
	tb.Cleanup(running.Stop)
	running.Admin = waitReady(tb, filepath.Join(config.Dir, "kubeconfig"), ended)
	return running
}

// forgetEtcd keeps the metrics of this process, which all servers share, from
// asking an etcd that has ended for its size: each scrape would wait for it.
func forgetEtcd() {
	etcd3metrics.SetStorageMonitorGetter(func() ([]etcd3metrics.Monitor, error) { return nil, nil })
}

// Refused runs a server that must fail to start, and returns its error.
func Refused(tb testing.TB, config Config) error {
	tb.Helper()
	if config.Dir == "" {
		config.Dir = tb.TempDir()
	}
	listener := listenAt(tb, config.Address)
	defer func() { _ = listener.Close() }()
	ended := run(tb, config, listener)
	defer ended.cancel()
	select {
	case <-ended.done:
		return ended.err
	case <-time.After(startTimeout):
		tb.Fatal("the server does not end")
		return nil
	}
}

// ending is how a server is ended, and how it did.
type ending struct {
	cancel context.CancelFunc
	// done is closed when the server has ended, and then err is set.
	done chan struct{}
	err  error
}

func run(tb testing.TB, config Config, listener net.Listener) *ending {
	tb.Helper()
	completed := newOptions(tb, config, listener).Complete()
	if errs := completed.Validate(); len(errs) > 0 {
		tb.Fatalf("the options are wrong: %v", errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := &ending{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(ended.done)
		ended.err = server.Run(ctx, completed)
	}()
	return ended
}

func newOptions(tb testing.TB, config Config, listener net.Listener) *options.Options {
	tb.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		tb.Fatal(err)
	}
	given, err := options.NewOptions(api)
	if err != nil {
		tb.Fatal(err)
	}
	given.Standalone = true
	given.Storage.DataDir = config.DataDir
	if config.EtcdURL != "" {
		given.Storage.Backend = "etcd"
		given.Storage.Etcd.StorageConfig.Transport.ServerList = []string{config.EtcdURL}
	}
	serving := given.Recommended.SecureServing
	serving.Listener = listener
	serving.ServerCert.CertDirectory = config.Dir
	// Watches are not waited for: tests leave some open.
	given.Generic.ShutdownWatchTerminationGracePeriod = 0
	if config.Encryption != nil {
		config.Encryption.Use(given)
	}
	if config.Change != nil {
		config.Change(given)
	}
	return given
}

func listenAt(tb testing.TB, address string) net.Listener {
	tb.Helper()
	if address == "" {
		listener, err := freeport.Listen()
		if err != nil {
			tb.Fatal(err)
		}
		return listener
	}
	var listener net.Listener
	// The port of a server that has just ended is not free at once.
	err := wait.PollUntilContextTimeout(tb.Context(), 20*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		var err error
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		return err == nil, nil
	})
	if err != nil {
		tb.Fatalf("listening at %s: %v", address, err)
	}
	return listener
}

func stopOnce(tb testing.TB, ended *ending) func() {
	tb.Helper()
	stopped := false
	return func() {
		if stopped {
			return
		}
		stopped = true
		ended.cancel()
		select {
		case <-ended.done:
			if ended.err != nil {
				tb.Errorf("the server ended with: %v", ended.err)
			}
		case <-time.After(startTimeout):
			tb.Error("the server did not end")
		}
	}
}

// waitReady waits for the kubeconfig and for readiness, and returns a client
// configuration without limits of its own.
func waitReady(tb testing.TB, kubeconfig string, ended *ending) *rest.Config {
	tb.Helper()
	var admin *rest.Config
	err := wait.PollUntilContextTimeout(tb.Context(), 20*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		select {
		case <-ended.done:
			tb.Fatalf("the server ended before it was ready: %v", ended.err)
		default:
		}
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return false, nil //nolint:nilerr // not written yet
		}
		config.QPS = -1
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return false, err
		}
		if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return false, nil //nolint:nilerr // not ready yet
		}
		admin = config
		return true, nil
	})
	if err != nil {
		tb.Fatalf("the server did not become ready: %v", err)
	}
	return admin
}

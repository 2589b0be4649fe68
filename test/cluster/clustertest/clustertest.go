// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// Cluster is a running cluster. If it has events-apiserver, that is registered.
type Cluster struct {
	*cluster.Cluster
	// Rest and Admin are of an administrator, without a limit of requests.
	Rest  *rest.Config
	Admin kubernetes.Interface
}

// Start starts a cluster that ends with the test, with events-apiserver.
func Start(t testing.TB, config cluster.Config) *Cluster {
	t.Helper()
	config, err := Complete(t, config)
	if err != nil {
		t.Fatal(err)
	}
	config.EventsAPIServer = filepath.Join(config.RepoDir, "bin", "events-apiserver")
	made, err := cluster.New(config)
	if err != nil {
		t.Fatal(err)
	}
	running, err := Run(t, made)
	if err != nil {
		t.Fatal(err)
	}
	return running
}

// Complete fills in directories and programs. RepoDir must be set. Where nothing
// takes the cluster's progress the test's log does.
func Complete(t testing.TB, config cluster.Config) (cluster.Config, error) {
	t.Helper()
	tools, err := cluster.FindTools(t.Context(), config.RepoDir)
	if err != nil {
		return config, err
	}
	config.ToolsDir, config.Dir, config.UnsafeNoFsync = tools, t.TempDir(), true
	if config.Log == nil {
		config.Log = Log{T: t}
	}
	return config, nil
}

// Run starts a cluster that ends with the test, and registers events-apiserver if
// it has one. Several goroutines of a test may call it at once.
func Run(t testing.TB, c *cluster.Cluster) (*Cluster, error) {
	t.Helper()
	running := &Cluster{Cluster: c}
	if err := c.Start(t.Context()); err != nil {
		return nil, err
	}
	t.Cleanup(func() { running.end(t) })
	if c.Config().EventsAPIServer != "" {
		if err := c.Register(t.Context()); err != nil {
			return nil, err
		}
	}
	var err error
	if running.Rest, err = c.AdminConfig(); err != nil {
		return nil, err
	}
	running.Rest.QPS = -1
	running.Admin, err = kubernetes.NewForConfig(running.Rest)
	return running, err
}

func (c *Cluster) end(t testing.TB) {
	if t.Failed() {
		c.showLogs(t)
	}
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// Program returns a component of the cluster.
func (c *Cluster) Program(t testing.TB, name string) *cluster.Component {
	t.Helper()
	component, err := c.Component(name)
	if err != nil {
		t.Fatal(err)
	}
	return component
}

// Direct lets a client of kube-apiserver talk to events-apiserver without it,
// with the same credentials.
func (c *Cluster) Direct(t testing.TB, config *rest.Config) *rest.Config {
	t.Helper()
	ca := filepath.Join(c.Config().Dir, cluster.EventsAPIServer, "certs", "ca.crt")
	return At(config, c.Program(t, cluster.EventsAPIServer).Port(), ca)
}

// At lets a client talk to the server at a port of loopback whose certificate is
// of the authority in the file ca.
func At(config *rest.Config, port int, ca string) *rest.Config {
	config = rest.CopyConfig(config)
	config.Host = fmt.Sprintf("https://127.0.0.1:%d", port)
	config.CAData, config.CAFile = nil, ca
	return config
}

// MakeNamespace makes a namespace and returns its name.
func (c *Cluster) MakeNamespace(t testing.TB, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.Admin.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatalf("creating the namespace %s: %v", name, err)
	}
	return name
}

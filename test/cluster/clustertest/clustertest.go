// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// Registered is a cluster in which events-apiserver is registered.
type Registered struct {
	*cluster.Cluster
	// Config and Admin are of an administrator, without a limit of requests.
	Config *rest.Config
	Admin  kubernetes.Interface
}

// Start starts a cluster that ends with the test, and registers events-apiserver
// in it. Of the configuration RepoDir must be set; directories and programs are
// filled in, and where nothing takes the cluster's progress the test's log does.
func Start(t testing.TB, config cluster.Config) *Registered {
	t.Helper()
	var err error
	if config.ToolsDir, err = cluster.FindTools(t.Context(), config.RepoDir); err != nil {
		t.Fatal(err)
	}
	config.Dir = t.TempDir()
	config.EventsAPIServer = filepath.Join(config.RepoDir, "bin", "events-apiserver")
	config.UnsafeNoFsync = true
	if config.Log == nil {
		config.Log = Log{T: t}
	}
	r := &Registered{}
	if r.Cluster, err = cluster.New(config); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(t) })
	if err := r.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Config, err = r.AdminConfig(); err != nil {
		t.Fatal(err)
	}
	r.Config.QPS = -1
	if r.Admin, err = kubernetes.NewForConfig(r.Config); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Registered) end(t testing.TB) {
	if t.Failed() {
		component, err := r.Component(cluster.EventsAPIServer)
		if err != nil {
			t.Error(err)
		} else {
			t.Logf("%s:\n%s", cluster.EventsAPIServer, tail(component.LogFile()))
		}
	}
	if err := r.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// tail returns the end of a file, or why it cannot be read.
func tail(file string) string {
	const most = 6000
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-most):])
}

// Log passes a cluster's progress on to a test's log.
type Log struct {
	T testing.TB
	// Name tells several clusters of a test apart; it may be empty.
	Name string
}

// Write logs a line.
func (l Log) Write(line []byte) (int, error) {
	l.T.Helper()
	if l.Name == "" {
		l.T.Logf("%s", line)
	} else {
		l.T.Logf("%s: %s", l.Name, line)
	}
	return len(line), nil
}

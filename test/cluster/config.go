// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// The stores of events-apiserver.
const (
	StoreEmbedded = "embedded"
	StoreEtcd     = "etcd"
)

// Config is the configuration of a cluster.
type Config struct {
	// Dir holds everything the cluster owns: data, keys, kubeconfigs, logs.
	Dir string `json:"dir"`
	// ToolsDir holds the programs that hack/cluster/build.sh made; see FindTools.
	ToolsDir string `json:"toolsDir"`
	// RepoDir is the checkout whose artifacts/ are applied. Needed only with
	// EventsAPIServer.
	RepoDir string `json:"repoDir,omitempty"`
	// EventsAPIServer is the binary of the server under test. Without it the
	// cluster is a plain control plane.
	EventsAPIServer string `json:"eventsAPIServer,omitempty"`
	// Store is where events-apiserver keeps its events: StoreEmbedded, also if
	// empty, or StoreEtcd, for which the cluster runs one more etcd.
	Store string `json:"store,omitempty"`
	// Ports of the components. A zero port is replaced by a free one.
	Ports Ports `json:"ports"`
	// ExtraArgs are added to a component's command line, by component name.
	ExtraArgs map[string][]string `json:"extraArgs,omitempty"`
	// Detached lets the processes live on when the calling process ends. Without
	// it they end with the caller, however the caller ends.
	Detached bool `json:"detached,omitempty"`
	// UnsafeNoFsync lets every etcd skip fsync: faster, and good enough for data
	// that a test throws away.
	UnsafeNoFsync bool `json:"unsafeNoFsync,omitempty"`
	// Log gets a line for each step. Nil means silence.
	Log io.Writer `json:"-"`
}

// complete checks required fields and makes paths absolute, because the components run in
// another working directory.
func (c Config) complete() (Config, error) {
	if c.Dir == "" || c.ToolsDir == "" {
		return c, errors.New("a cluster needs a directory and a tools directory")
	}
	if c.EventsAPIServer != "" && c.RepoDir == "" {
		return c, errors.New("running events-apiserver needs the checkout with artifacts/")
	}
	if c.Store == "" {
		c.Store = StoreEmbedded
	}
	if c.Store != StoreEmbedded && c.Store != StoreEtcd {
		return c, fmt.Errorf("events-apiserver has no store %q: want %s or %s", c.Store, StoreEmbedded, StoreEtcd)
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	for _, path := range []*string{&c.Dir, &c.ToolsDir, &c.RepoDir, &c.EventsAPIServer} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return c, fmt.Errorf("making %s absolute: %w", *path, err)
		}
		*path = absolute
	}
	return c, nil
}

// components are the names of what the cluster runs, in the order in which it
// starts.
func (c Config) components() []string {
	names := []string{Etcd}
	if c.EventsAPIServer != "" && c.Store == StoreEtcd {
		names = append(names, EventsEtcd)
	}
	names = append(names, KubeAPIServer, KubeControllerManager, KubeScheduler)
	if c.EventsAPIServer != "" {
		names = append(names, EventsAPIServer)
	}
	return names
}

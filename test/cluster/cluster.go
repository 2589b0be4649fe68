// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Cluster is a control plane on loopback.
type Cluster struct {
	config     Config
	layout     layout
	log        *progress
	components map[string]*Component

	mu    sync.Mutex
	held  reservations
	procs map[string]identity
}

// New describes a cluster and chooses its free ports; nothing runs yet.
func New(config Config) (*Cluster, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	held, err := config.Ports.reserve(config.components())
	if err != nil {
		return nil, err
	}
	c := build(config, held)
	for name := range config.ExtraArgs {
		if _, err := c.Component(name); err != nil {
			c.releaseAll()
			return nil, fmt.Errorf("extra arguments: %w", err)
		}
	}
	return c, nil
}

// Open takes up a cluster that another process started in dir. Its steps are
// written to log.
func Open(dir string, log io.Writer) (*Cluster, error) {
	saved, err := loadState(dir)
	if err != nil {
		return nil, err
	}
	if saved == nil {
		return nil, &NotRunningError{Dir: dir}
	}
	saved.Config.Dir, saved.Config.Log = dir, log
	completed, err := saved.Config.complete()
	if err != nil {
		return nil, err
	}
	c := build(completed, reservations{})
	for name, id := range saved.Processes {
		if component, ok := c.components[name]; ok && id.alive() {
			component.proc = &process{identity: id}
			c.procs[name] = id
		}
	}
	return c, nil
}

func build(config Config, held reservations) *Cluster {
	c := &Cluster{
		config: config,
		layout: layout{dir: config.Dir},
		log:    &progress{out: config.Log},
		held:   held,
		procs:  map[string]identity{},
	}
	env := &environment{
		layout: c.layout, detached: config.Detached, log: c.log,
		release: c.release, record: c.record,
	}
	c.components = map[string]*Component{}
	programs := c.programs()
	for _, name := range config.components() {
		p := programs[name]
		c.components[name] = &Component{name: name, path: p.path, args: p.args, probe: p.probe, env: env}
	}
	for _, port := range c.config.Ports.Named() {
		if component, ok := c.components[port.Component]; ok {
			component.ports = append(component.ports, port)
		}
	}
	return c
}

// Config is what the cluster runs with, with all ports and paths filled in.
func (c *Cluster) Config() Config { return c.config }

// Component finds a component by its name.
func (c *Cluster) Component(name string) (*Component, error) {
	component, ok := c.components[name]
	if !ok {
		names := strings.Join(slices.Sorted(maps.Keys(c.components)), ", ")
		return nil, fmt.Errorf("there is no component %q; the components are: %s", name, names)
	}
	return component, nil
}

// Components are all that this cluster runs, in the order in which they start.
func (c *Cluster) Components() []*Component {
	names := c.config.components()
	components := make([]*Component, 0, len(names))
	for _, name := range names {
		components = append(components, c.components[name])
	}
	return components
}

// each does something with those of the components that this cluster has, at the
// same time.
func (c *Cluster) each(ctx context.Context, do func(*Component, context.Context) error, names ...string) error {
	var all []func(context.Context) error
	for _, name := range names {
		if component, ok := c.components[name]; ok {
			all = append(all, func(ctx context.Context) error { return do(component, ctx) })
		}
	}
	return together(ctx, all...)
}

// Running reports whether any component runs.
func (c *Cluster) Running() bool {
	return slices.ContainsFunc(c.Components(), (*Component).Running)
}

// servesEvents reports whether events-apiserver is part of the cluster.
func (c *Cluster) servesEvents() bool { return c.config.EventsAPIServer != "" }

func (c *Cluster) release(port int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.release(port)
}

func (c *Cluster) releaseAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.releaseAll()
}

// record keeps the state file true at each step, so that a cluster whose maker
// died half way can still be stopped.
func (c *Cluster) record(component string, id *identity) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == nil {
		delete(c.procs, component)
	} else {
		c.procs[component] = *id
	}
	return state{Config: c.config, Processes: c.procs}.save(c.layout.dir)
}

// NotRunningError is returned if there is no cluster in a directory.
type NotRunningError struct{ Dir string }

// Error names the directory.
func (n *NotRunningError) Error() string { return "no cluster runs in " + n.Dir }

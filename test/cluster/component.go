// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Names of the components.
const (
	Etcd                  = "etcd"
	EventsEtcd            = "events-etcd"
	KubeAPIServer         = "kube-apiserver"
	KubeControllerManager = "kube-controller-manager"
	KubeScheduler         = "kube-scheduler"
	EventsAPIServer       = "events-apiserver"
)

// Component is one program of the cluster. Its methods may be called from
// several goroutines.
type Component struct {
	name  string
	path  string
	args  []string
	ports []NamedPort
	// probe asks once whether the component serves.
	probe func(context.Context) error
	env   *environment

	mu   sync.Mutex
	proc *process
}

// environment is what the components of one cluster share.
type environment struct {
	layout   layout
	detached bool
	log      *progress
	// release gives up the reservation of a port that is about to be used.
	release func(port int)
	// record is told of every process that started, and of every one that was
	// ended by a nil identity.
	record func(component string, id *identity) error
}

const (
	readyBound = 3 * time.Minute
	readyPoll  = 100 * time.Millisecond
	// One probe's limit: short, as it is asked again soon.
	probeBound    = 2 * time.Second
	freePortBound = time.Second
	// kube-apiserver closes watches and waits for requests; the rest is faster.
	stopGrace    = 20 * time.Second
	logTailLines = 15
)

// Name is how the component is called in logs, flags and errors.
func (c *Component) Name() string { return c.name }

// Port is where clients of the component connect.
func (c *Component) Port() int { return *c.ports[0].Value }

// LogFile holds all that the component wrote, over its restarts.
func (c *Component) LogFile() string { return c.env.layout.log(c.name) }

// Running reports whether the component's process lives.
func (c *Component) Running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proc != nil && c.proc.alive()
}

// Start runs the component and returns when it serves.
func (c *Component) Start(ctx context.Context) error {
	begin := time.Now()
	if err := c.launch(ctx); err != nil {
		return fmt.Errorf("starting %s: %w", c.name, err)
	}
	if err := c.Ready(ctx); err != nil {
		return err
	}
	c.env.log.printf("%s ready (%s)", c.name, seconds(begin))
	return nil
}

// Stop ends the component in the orderly way, and by force when that takes too
// long or ctx ends. It does nothing when the component does not run.
func (c *Component) Stop(ctx context.Context) error {
	return c.end("stopping", func(p *process) error { return p.terminate(ctx, stopGrace) })
}

// Kill ends the component at once, as a crash does.
func (c *Component) Kill(ctx context.Context) error {
	return c.end("killing", func(p *process) error { return p.kill(ctx) })
}

// Restart stops the component, if it runs, and starts it again.
func (c *Component) Restart(ctx context.Context) error {
	if err := c.Stop(ctx); err != nil {
		return err
	}
	return c.Start(ctx)
}

// Ready waits until the component serves. It fails at once when its process has
// ended, and shows then, as after a wait in vain, the end of its log.
func (c *Component) Ready(ctx context.Context) error {
	c.mu.Lock()
	proc := c.proc
	c.mu.Unlock()
	if proc == nil {
		return fmt.Errorf("%s does not run", c.name)
	}
	bounded, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	err := poll(bounded, readyPoll, func(ctx context.Context) error {
		if !proc.alive() {
			return final(errors.New("it ended: " + proc.ending()))
		}
		probeCtx, cancel := context.WithTimeout(ctx, probeBound)
		defer cancel()
		return c.probe(probeCtx)
	})
	if errors.Is(ctx.Err(), context.Canceled) {
		// The caller changed its mind; nothing is wrong with the component.
		return fmt.Errorf("waiting for %s: %w", c.name, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("%s does not get ready: %w\n%s", c.name, err, c.tail())
	}
	return nil
}

func (c *Component) launch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil && c.proc.alive() {
		return fmt.Errorf("it runs already, as process %d", c.proc.PID)
	}
	if err := c.checkProgram(); err != nil {
		return err
	}
	if err := c.freePorts(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.LogFile()), 0o700); err != nil {
		return fmt.Errorf("making the log directory: %w", err)
	}
	proc, err := spawn(ctx, command{
		path: c.path, args: c.args, dir: c.env.layout.dir, log: c.LogFile(), detached: c.env.detached,
	})
	if err != nil {
		return err
	}
	c.proc = proc
	return c.env.record(c.name, &proc.identity)
}

// freePorts gives up the reservations of the ports and sees that they are free.
// A process that is started at the same moment shares our listeners until it is
// its own program, so a port may be in use for a moment more.
func (c *Component) freePorts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freePortBound)
	defer cancel()
	for _, port := range c.ports {
		c.env.release(*port.Value)
		err := poll(ctx, processPoll, func(context.Context) error { return port.check() })
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Component) end(doing string, how func(*process) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return nil
	}
	if err := how(c.proc); err != nil {
		return fmt.Errorf("%s %s: %w", doing, c.name, err)
	}
	c.proc = nil
	return c.env.record(c.name, nil)
}

func (c *Component) checkProgram() error {
	info, err := os.Stat(c.path)
	if err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
		return nil
	}
	if c.name == EventsAPIServer {
		return fmt.Errorf("there is no program %s: build it with make build", c.path)
	}
	return fmt.Errorf("there is no program %s: build it with hack/cluster/build.sh", c.path)
}

func (c *Component) tail() string {
	lines, err := lastLines(c.LogFile(), logTailLines)
	if err != nil {
		return fmt.Sprintf("its log cannot be read: %v", err)
	}
	return fmt.Sprintf("the end of its log, %s:\n%s", c.LogFile(), lines)
}

// progress writes lines for a person to read, whole ones when several
// components start at once.
type progress struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}

func seconds(begin time.Time) string {
	return time.Since(begin).Round(time.Second).String()
}

// PID is the number of the component's process, 0 when it does not run.
func (c *Component) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return 0
	}
	return c.proc.PID
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is a running program, started by this process or by an earlier one.
type process struct {
	identity
	// exited is closed when a child of this process has ended; nil for a process
	// that another one started.
	exited chan struct{}
	// result is how the child ended; to be read only after exited is closed.
	result error
}

// command is what to run and where its output goes.
type command struct {
	path     string
	args     []string
	dir      string
	log      string
	detached bool
}

// spawn starts a process in a session of its own, so that a Ctrl-C meant for
// the caller does not reach it.
func spawn(ctx context.Context, c command) (*process, error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()

	// A component outlives the call that starts it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !c.detached {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}

	p := &process{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that started the child
		// ends, so that thread must stay with the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.result = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("running %s: %w", filepath.Base(c.path), err)
	}
	p.identity, err = identify(cmd.Process.Pid)
	if errors.Is(err, errNoProcess) {
		// It ended before it could be looked at. The wait for it to be ready reports that.
		p.identity, err = identity{PID: cmd.Process.Pid}, nil
	}
	return p, err
}

func (p *process) alive() bool {
	if p.exited == nil {
		return p.identity.alive()
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// ending describes how the process ended.
func (p *process) ending() string {
	if p.exited == nil || p.result == nil {
		return "the process is gone"
	}
	return p.result.Error()
}

// signal does nothing when the process is gone. The handle is taken before the
// identity is checked: it stays with that process even when the number passes
// to another one in between.
func (p *process) signal(s os.Signal) error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", p.PID, err)
	}
	defer func() { _ = handle.Release() }()
	if !p.alive() || !p.identity.alive() {
		return nil
	}
	if err := handle.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to process %d: %w", s, p.PID, err)
	}
	return nil
}

const processPoll = 20 * time.Millisecond

// wait returns nil when the process is gone.
func (p *process) wait(ctx context.Context) error {
	tick := time.NewTicker(processPoll)
	defer tick.Stop()
	for p.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for process %d to end: %w", p.PID, ctx.Err())
		case <-p.exited:
		case <-tick.C:
		}
	}
	return nil
}

// The time a killed process may take to disappear: only the kernel's work is left.
const killBound = 10 * time.Second

// kill is not given up with ctx: a caller that ends must not leave a process.
func (p *process) kill(ctx context.Context) error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killBound)
	defer cancel()
	return p.wait(ctx)
}

// terminate asks the process to end and kills it when it has not within grace,
// or when ctx ends. The error of the ended context is no reason to leave a
// process behind.
func (p *process) terminate(ctx context.Context, grace time.Duration) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	graceful, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if p.wait(graceful) == nil {
		return nil
	}
	return p.kill(ctx)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is a running program that ends with this one.
type process struct {
	process *os.Process
	started time.Time
	// exited is closed when it has ended; state is its exit state then.
	exited chan struct{}
	state  *os.ProcessState
}

// program is a program to run.
type program struct {
	path string
	args []string
	// output is the file to which its output is appended.
	output string
	// user is the user to run it as, nil for the current one.
	user *syscall.Credential
}

func (p program) start() (*process, error) {
	output, err := os.OpenFile(p.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", filepath.Base(p.path), err)
	}
	defer output.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Credential: p.user}

	running := &process{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that started the child
		// ends, so that thread must stay with the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		running.started = time.Now()
		err := cmd.Start()
		running.process = cmd.Process
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the exit state has the reason
		running.state = cmd.ProcessState
		close(running.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("running %s: %w", filepath.Base(p.path), err)
	}
	return running, nil
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	_ = p.process.Kill() // it may be gone already
	<-p.exited
}

// terminate asks the process to end.
func (p *process) terminate() {
	_ = p.process.Signal(syscall.SIGTERM) // it may be gone already
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"
)

// workerArgument makes this program carry out the one job that it reads from
// its standard input, and write the result to its standard output.
const workerArgument = "worker"

// job is one measurement.
type job interface {
	run(ctx context.Context) (any, error)
}

// envelope has the job of a worker.
type envelope struct {
	Kind string
	Job  json.RawMessage
	// Profile is the file for a profile of the processor time; empty for none.
	Profile string
}

func jobOf(kind string) (job, error) {
	switch kind {
	case "create":
		return &createJob{}, nil
	case "read":
		return &readJob{}, nil
	case "watch":
		return &watchJob{}, nil
	case "expiry":
		return &expiryJob{}, nil
	}
	return nil, fmt.Errorf("unknown job %q", kind)
}

// work is what a worker does.
func work(ctx context.Context) error {
	var order envelope
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	j, err := jobOf(order.Kind)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(order.Job, j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	stop, err := profile(order.Profile)
	if err != nil {
		return err
	}
	result, err := j.run(ctx)
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// profile writes a profile to the file until stop is called.
func profile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	out, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("writing a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, errors.Join(fmt.Errorf("writing a profile: %w", err), out.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return out.Close()
	}, nil
}

// inWorker runs a job in a process of its own.
func (s settings) inWorker(ctx context.Context, kind string, j job, result any) error {
	order, err := s.orderOf(kind, j)
	if err != nil {
		return err
	}
	cmd, err := workerCommand(ctx, order)
	if err != nil {
		return err
	}
	out := &bytes.Buffer{}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("measuring %s: %w", kind, err)
	}
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		return fmt.Errorf("measuring %s: reading the result: %w", kind, err)
	}
	return nil
}

func (s settings) orderOf(kind string, j job) ([]byte, error) {
	encoded, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("writing the job: %w", err)
	}
	order := envelope{Kind: kind, Job: encoded}
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o750); err != nil {
			return nil, fmt.Errorf("making the directory for profiles: %w", err)
		}
		order.Profile = filepath.Join(s.profiles, fmt.Sprintf("%s-%d.pprof", kind, time.Now().UnixNano()))
	}
	return json.Marshal(order)
}

func workerCommand(ctx context.Context, order []byte) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, workerArgument)
	cmd.Stdin = bytes.NewReader(order)
	cmd.Stderr = os.Stderr
	endWithParent(cmd)
	return cmd, nil
}

// endWithParent leaves nothing behind should this program be killed.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func selfPID() int { return os.Getpid() }

// percentile returns the value that so many percent do not exceed; 0 of none.
func percentile(of []time.Duration, percent int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

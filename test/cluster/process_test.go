// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTerminate(t *testing.T) {
	t.Parallel()
	const long, short = time.Minute, 10 * time.Millisecond
	for name, test := range map[string]struct {
		script string
		grace  time.Duration
		ending string
	}{
		"ends in time":     {"trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done", long, "exit status 7"},
		"ignores the wish": {"trap '' TERM; echo up; while :; do sleep 0.01; done", short, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			p, err := spawn(t.Context(), shell(t, test.script, log))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.kill(t.Context()) })
			waitForLog(t, log, "up")
			if err := p.terminate(t.Context(), test.grace); err != nil {
				t.Fatal(err)
			}
			if p.alive() || p.identity.alive() {
				t.Error("the process still runs")
			}
			if got := p.ending(); got != test.ending {
				t.Errorf("got ending %q, want %q", got, test.ending)
			}
		})
	}
}

func TestTerminateWithEndedContextLeavesNoProcess(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := spawn(t.Context(), shell(t, "trap '' TERM; echo up; while :; do sleep 0.01; done", log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.kill(t.Context()) })
	waitForLog(t, log, "up")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.terminate(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	if p.alive() {
		t.Error("the process still runs")
	}
}

func TestSpawnOfNoProgram(t *testing.T) {
	t.Parallel()
	_, err := spawn(t.Context(), command{path: "/nonexistent/etcd", dir: t.TempDir(), log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "running etcd") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

func shell(t *testing.T, script, log string) command {
	t.Helper()
	return command{path: "/bin/sh", args: []string{"-c", script}, dir: t.TempDir(), log: log}
}

func waitForLog(t *testing.T, log, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := poll(ctx, processPoll, func(context.Context) error {
		lines, err := lastLines(log, logTailLines)
		if err == nil && !strings.Contains(lines, want) {
			return errNoLine
		}
		return err
	})
	if err != nil {
		t.Fatalf("waiting for %q in the log: %v", want, err)
	}
}

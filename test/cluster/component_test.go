// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errNoLine = errors.New("the line is not there yet")

func TestComponentThatEndsAtStartIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	c := fakeComponent(t, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line$i; done; exit 3")
	c.probe = func(context.Context) error { return errors.New("connection refused") }
	begin := time.Now()
	err := c.Start(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	if took := time.Since(begin); took > readyBound/2 {
		t.Errorf("it took %s to see that the process had ended", took)
	}
	for _, want := range []string{KubeScheduler, "exit status 3", "line6\n", "line20", c.LogFile()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not have %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line5\n") {
		t.Errorf("the error has more than the end of the log:\n%v", err)
	}
}

func TestComponentLife(t *testing.T) {
	t.Parallel()
	c := fakeComponent(t, "exec sleep 60")
	ctx := t.Context()
	if c.Running() {
		t.Error("it runs before its start")
	}
	if err := c.Stop(ctx); err != nil {
		t.Errorf("stopping what does not run: %v", err)
	}
	for name, step := range map[string]func() error{
		"start":   func() error { return c.Start(ctx) },
		"restart": func() error { return c.Restart(ctx) },
	} {
		if err := step(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !c.Running() {
			t.Fatalf("after %s it does not run", name)
		}
		if err := c.Start(ctx); err == nil {
			t.Errorf("after %s: a second start gives no error", name)
		}
		if err := c.Kill(ctx); err != nil {
			t.Errorf("kill: %v", err)
		}
		if c.Running() {
			t.Error("after kill it runs")
		}
	}
}

func TestComponentThatEndedIsNotReady(t *testing.T) {
	t.Parallel()
	c := fakeComponent(t, "exec sleep 60")
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.proc.kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("got %v, want an error that says how it ended", err)
	}
}

func TestMissingProgramTellsTheNextStep(t *testing.T) {
	t.Parallel()
	for component, want := range map[string]string{
		Etcd:            "hack/cluster/build.sh",
		EventsAPIServer: "make build",
	} {
		c := &Component{name: component, path: filepath.Join(t.TempDir(), component)}
		err := c.checkProgram()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("got %v, want an error with %q and %q", err, c.path, want)
		}
	}
}

// fakeComponent is a component whose program is a shell script and which is
// ready as soon as it runs.
func fakeComponent(t *testing.T, script string) *Component {
	t.Helper()
	c := &Component{
		name: KubeScheduler, path: "/bin/sh", args: []string{"-c", script},
		probe: func(context.Context) error { return nil },
		env: &environment{
			layout:  layout{dir: t.TempDir()},
			log:     &progress{out: io.Discard},
			release: func(int) {},
			record:  func(string, *identity) error { return nil },
		},
	}
	t.Cleanup(func() { _ = c.Kill(t.Context()) })
	return c
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server"
)

// asCommand makes the test binary run as events-apiserver, for tests that need a
// process of its own.
const asCommand = "EVENTS_APISERVER_TEST_AS_COMMAND"

// ranAsCommand runs the command line if this process was started for that.
func ranAsCommand() bool {
	if os.Getenv(asCommand) == "" {
		return false
	}
	if err := server.NewCommand(os.Stdout, os.Stderr).Execute(); err != nil {
		fmt.Fprintln(os.Stderr, server.FormatError(err))
		os.Exit(1) //nolint:forbidigo // it is the program here
	}
	return true
}

// command runs events-apiserver as a process and returns what it wrote.
func command(t *testing.T, args ...string) (out, errOut string, err error) {
	t.Helper()
	cmd := newCommand(t.Context(), t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

func newCommand(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// succeeds runs a command that must end well, and returns its output.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	out, errOut, err := command(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, errOut)
	}
	return out
}

// fails runs a command that must end badly, with these words.
func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	out, errOut, err := command(t, args...)
	if err == nil || !strings.Contains(out+errOut, want) {
		t.Errorf("%v: %v, want %q\n%s%s", args, err, want, out, errOut)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestStartTick(t *testing.T) {
	t.Parallel()
	const rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	for name, test := range map[string]struct {
		stat    string
		tick    string
		running bool
	}{
		"running":               {"42 (etcd) S" + rest, "4711", true},
		"name with parentheses": {"42 (a) b (c)) R" + rest, "4711", true},
		"dead and not reaped":   {"42 (etcd) Z" + rest, "4711", false},
		"cut off":               {"42 (etcd) S 1 2", "", false},
		"empty":                 {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tick, running := startTick(test.stat)
			if tick != test.tick || running != test.running {
				t.Errorf("got %q, %v, want %q, %v", tick, running, test.tick, test.running)
			}
		})
	}
}

func TestIdentityOfThisProcess(t *testing.T) {
	t.Parallel()
	me, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !me.alive() {
		t.Error("this process is not alive")
	}
	me.Started += "0"
	if me.alive() {
		t.Error("a process that started at another time is taken for this one")
	}
}

func TestIdentifyNoProcess(t *testing.T) {
	t.Parallel()
	if _, err := identify(1 << 30); !errors.Is(err, errNoProcess) {
		t.Errorf("got %v, want errNoProcess", err)
	}
}

// A process number from an old state file may belong to anybody now.
func TestRecycledProcessNumberIsNotSignalled(t *testing.T) {
	t.Parallel()
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	})
	now, err := identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	old := &process{identity: identity{PID: now.PID, Started: "an earlier boot/1"}}
	if err := old.kill(t.Context()); err != nil {
		t.Errorf("killing a process that is gone: %v", err)
	}
	if !now.alive() {
		t.Error("a process that only has the same number was killed")
	}
	same := &process{identity: now}
	if err := same.kill(t.Context()); err != nil {
		t.Errorf("killing the process itself: %v", err)
	}
	if now.alive() {
		t.Error("the process itself was not killed")
	}
}

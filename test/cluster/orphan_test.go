// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// spawnerEnv makes TestSpawner, in a process of its own, spawn a program.
const spawnerEnv = "CLUSTER_TEST_SPAWNER"

// A test run that is killed, or ends at its time limit, must not leave a control
// plane behind; "make up" must.
func TestProcessesOfAKilledCaller(t *testing.T) {
	t.Parallel()
	for mode, survives := range map[string]bool{"attached": false, "detached": true} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			spawner := exec.CommandContext(t.Context(), program, "-test.run=^TestSpawner$")
			spawner.Env = append(os.Environ(), spawnerEnv+"="+mode)
			output, err := spawner.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := spawner.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(output).ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			id := identity{}
			if err := json.Unmarshal(line, &id); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			orphan := &process{identity: id}
			t.Cleanup(func() { _ = orphan.kill(t.Context()) })
			if !orphan.alive() {
				t.Fatal("the program does not run before its caller is killed")
			}
			_ = spawner.Process.Kill()
			_ = spawner.Wait()

			if survives {
				if !orphan.alive() {
					t.Error("the program ended with its caller")
				}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := orphan.wait(ctx); err != nil {
				t.Errorf("the program outlives its caller: %v", err)
			}
		})
	}
}

// TestSpawner is no test but the caller that TestProcessesOfAKilledCaller kills.
func TestSpawner(t *testing.T) {
	mode := os.Getenv(spawnerEnv)
	if mode == "" {
		t.Skip("only for TestProcessesOfAKilledCaller")
	}
	p, err := spawn(t.Context(), command{
		path: "/bin/sleep", args: []string{"60"}, dir: "/",
		log: filepath.Join(t.TempDir(), "log"), detached: mode == "detached",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(p.identity); err != nil {
		t.Fatal(err)
	}
	<-p.exited
}

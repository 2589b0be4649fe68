// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

//nolint:gochecknoglobals // flags of the test binary
var (
	seedFlag  = flag.Uint64("crash.seed", 0, "the seed of all decisions; 0 chooses one")
	killsFlag = flag.Int("crash.kills", 5, "how many times to kill the server")
	dirFlag   = flag.String("crash.dir", "", "an empty directory for data, logs and journal, which are left there")
)

const repoDir = "../.."

// binary is the program of the server.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(repoDir, "bin", "events-apiserver"))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("no server to test: %v; run make build", err)
	}
	return path
}

// outputDir returns a directory that is kept if the test fails.
func outputDir(t *testing.T, seed uint64) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(repoDir, "_output", "crash", fmt.Sprintf("seed-%d", seed)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("data, logs and journal are left in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Not parallel: other tests would slow it down.
func TestKill(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = 1 + rand.Uint64N(1e9)
	}
	dir := *dirFlag
	if dir == "" {
		dir = outputDir(t, seed)
	}
	t.Logf("seed %d", seed)
	h, err := newHarness(settings{binary: binary(t), dir: dir, seed: seed, killsWanted: *killsFlag, say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	// client-go logs each broken connection, and this test breaks many.
	klog.SetLogger(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(h.log))))
	t.Cleanup(klog.ClearLogger)
	begun := time.Now()
	if err := h.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("took %s", time.Since(begun).Round(time.Second))
	for _, line := range h.lines() {
		t.Log(line)
	}
	if problems := h.problems.Load(); problems > 0 {
		t.Errorf("%d things are wrong; the first ones are above", problems)
	}
}

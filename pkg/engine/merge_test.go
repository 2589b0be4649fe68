// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeFile writes some keys, in no order, and one file of them.
func writeFile(t *testing.T, e *Engine, random *rand.Rand) {
	t.Helper()
	value := make([]byte, 8<<10)
	for range 40 {
		for i := range value {
			value[i] = byte(random.Uint32()) //nolint:gosec // any byte will do
		}
		put(t, e, fmt.Sprintf("key-%06d", random.IntN(1_000_000)), string(value))
	}
	if err := e.db.Flush(); err != nil {
		t.Fatal(err)
	}
}

// smallLevels makes several levels of little data.
const smallLevels = 64 << 10

// deepEngine has files at level 0 and at two levels below.
func deepEngine(t *testing.T, fsys vfs.FS) *Engine {
	t.Helper()
	e := open(t, Config{FS: fsys, baseLevelBytes: smallLevels, MinFreeBytes: -1})
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for test data
	for levelsOf(e.db.Metrics()).below < 2 {
		writeFile(t, e, random)
		eventually(t, func() error {
			if n := e.db.Metrics().Compact.NumInProgress; n > 0 {
				return fmt.Errorf("%d compactions run", n)
			}
			return nil
		})
	}
	for range 3 {
		writeFile(t, e, random)
	}
	return e
}

func TestMergeLevelZero_LeavesOtherLevelsAlone(t *testing.T) {
	t.Parallel()
	e := deepEngine(t, vfs.NewMem())
	before := e.db.Metrics()
	if before.Levels[0].Sublevels < 3 {
		t.Fatalf("level 0 is %d deep before", before.Levels[0].Sublevels)
	}
	if depth := e.scheduler.depth(); depth != int(before.Levels[0].Sublevels) {
		t.Errorf("the scheduler takes level 0 for %d deep, it is %d", depth, before.Levels[0].Sublevels)
	}
	if err := e.mergeLevelZero(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := e.db.Metrics()
	if after.Levels[0].TablesCount > 1 {
		t.Errorf("%d files are left at level 0", after.Levels[0].TablesCount)
	}
	if n := after.Compact.Count - before.Compact.Count; n != 1 {
		t.Errorf("%d compactions for it, want 1", n)
	}
	checkWorks(t, e)
}

// checkWorks looks whether everything is still there and files are merged as
// before.
func checkWorks(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // for test data
	merged := e.db.Metrics().Compact.Count
	for e.db.Metrics().Compact.Count == merged {
		writeFile(t, e, random)
	}
}

// What was called off is forgotten, and merging goes on. That Pebble is not let
// begin it meanwhile is for TestScheduler_BeginsNothingThatMayBeCalledOff.
func TestMerge_CalledOffWhileItWaits(t *testing.T) {
	t.Parallel()
	e := deepEngine(t, vfs.NewMem())
	e.scheduler.lock.Lock()
	depth := e.scheduler.depth
	e.scheduler.depth = nil // as if all that may run ran
	e.scheduler.lock.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.mergeFiles(ctx, []byte{0}, []byte{0xff}) }()
	eventually(t, func() error {
		if waiting, _ := e.db.GetWaitingCompaction(); !waiting {
			return errors.New("no compaction waits")
		}
		return nil
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("merging was called off and says %v", err)
	}
	e.scheduler.open(depth)
	checkWorks(t, e)
}

func TestMerge_CalledOffBefore(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.mergeLevelZero(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("merging was called off and says %v", err)
	}
	checkWorks(t, e)
}

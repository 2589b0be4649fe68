// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestCalm(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_000_000, 0)
	file := levelZero{depth: 1, flushes: 3}
	for name, c := range map[string]struct {
		z     levelZero
		after time.Duration
		want  bool
	}{
		"calm with a file":            {z: file, after: calmAfter, want: true},
		"not calm for long enough":    {z: file, after: calmAfter - 1},
		"a file was begun since":      {z: levelZero{depth: 1, flushes: 4}, after: calmAfter},
		"no file":                     {z: levelZero{flushes: 3}, after: calmAfter},
		"something else is merged":    {z: levelZero{depth: 1, flushes: 3, merging: 1}, after: calmAfter},
		"deeper, and calm for longer": {z: levelZero{depth: 2 * calmDepth, flushes: 3}, after: 2 * calmAfter, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := calm{after: calmAfter}
			if state.due(begun, levelZero{flushes: 3}) {
				t.Fatal("due with nothing at level 0")
			}
			if got := state.due(begun.Add(c.after), c.z); got != c.want {
				t.Errorf("due: %t, want %t", got, c.want)
			}
		})
	}
}

func TestCalm_RestsInProportion(t *testing.T) {
	t.Parallel()
	const took = time.Second
	for depth, rest := range map[int]time.Duration{
		1:             800 * took,
		2:             400 * took,
		calmDepth:     200 * took,
		2 * calmDepth: 200 * took,
	} {
		var state calm
		now, z := time.Unix(1_000_000, 0), levelZero{depth: depth}
		if !state.due(now, z) {
			t.Fatalf("depth %d: not due though nothing was ever merged", depth)
		}
		state.merged(now, took)
		for after, want := range map[time.Duration]bool{rest - 1: false, rest: true} {
			if got := state.due(now.Add(after), z); got != want {
				t.Errorf("depth %d, due %s later: %t, want %t", depth, after, got, want)
			}
		}
	}
}

func TestKeepShallow(t *testing.T) {
	t.Parallel()
	e, err := Open(Config{Dir: "data", FS: vfs.NewMem(), MinFreeBytes: -1, calmAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for test data
	// Pebble merges by itself from many times as many on.
	writeFile(t, e, random)
	eventually(t, func() error {
		m := e.db.Metrics()
		if depth := m.Levels[0].Sublevels; m.Compact.Count == 0 || depth > 0 {
			return fmt.Errorf("%d compactions, level 0 is %d deep", m.Compact.Count, depth)
		}
		return nil
	})
}

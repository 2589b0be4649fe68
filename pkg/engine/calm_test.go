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
	deep := levelZero{depth: calmDepth, flushes: 3}
	for name, c := range map[string]struct {
		rested time.Duration
		z      levelZero
		after  time.Duration
		want   bool
	}{
		"calm and deep":               {z: deep, after: calmAfter, want: true},
		"not calm for long enough":    {z: deep, after: calmAfter - 1},
		"a file was begun since":      {z: levelZero{depth: calmDepth, flushes: 4}, after: calmAfter},
		"not deep":                    {z: levelZero{depth: calmDepth - 1, flushes: 3}, after: calmAfter},
		"something else is merged":    {z: levelZero{depth: calmDepth, flushes: 3, merging: 1}, after: calmAfter},
		"merged a short while ago":    {rested: calmAfter + 1, z: deep, after: calmAfter},
		"merged long enough ago":      {rested: calmAfter, z: deep, after: calmAfter, want: true},
		"deeper, and calm for longer": {z: levelZero{depth: 2 * calmDepth, flushes: 3}, after: 2 * calmAfter, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := calm{after: calmAfter, rested: begun.Add(c.rested)}
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
	var c calm
	now, deep := time.Unix(1_000_000, 0), levelZero{depth: calmDepth}
	c.merged(now, time.Second)
	for after, want := range map[time.Duration]bool{calmRest*time.Second - 1: false, calmRest * time.Second: true} {
		state := c
		state.due(now, deep)
		if got := state.due(now.Add(after), deep); got != want {
			t.Errorf("due %s later: %t, want %t", after, got, want)
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
	// Pebble merges by itself from four times as many on.
	for range calmDepth {
		writeFile(t, e, random)
	}
	eventually(t, func() error {
		m := e.db.Metrics()
		if depth := m.Levels[0].Sublevels; m.Compact.Count == 0 || depth > 1 {
			return fmt.Errorf("%d compactions, level 0 is %d deep", m.Compact.Count, depth)
		}
		return nil
	})
}

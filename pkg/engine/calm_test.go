// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestCalm(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_000_000, 0)
	for name, c := range map[string]struct {
		l     levels
		after time.Duration
		want  bool
	}{
		"for long enough":            {l: levels{flushes: 3}, after: calmAfter, want: true},
		"not for long enough":        {l: levels{flushes: 3}, after: calmAfter - 1},
		"a file was begun since":     {l: levels{flushes: 4}, after: calmAfter},
		"something is being merged":  {l: levels{flushes: 3, merging: 1}, after: calmAfter},
		"for longer, and with files": {l: levels{flushes: 3, depth: 8, below: 3}, after: 2 * calmAfter, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := calm{after: calmAfter}
			if state.calm(begun, levels{flushes: 3}) {
				t.Fatal("calm at once")
			}
			if got := state.calm(begun.Add(c.after), c.l); got != c.want {
				t.Errorf("calm: %t, want %t", got, c.want)
			}
		})
	}
}

// Merging writes the newest rows to a file first. A second file is of somebody
// else.
func TestCalm_OwnFile(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_000_000, 0)
	for flushes, want := range map[int64]bool{3: true, 4: true, 5: false} {
		state := calm{after: calmAfter}
		state.calm(begun, levels{flushes: 3})
		state.flushedOne(levels{flushes: flushes})
		if got := state.calm(begun.Add(calmAfter), levels{flushes: flushes}); got != want {
			t.Errorf("%d files begun since: calm %t, want %t", flushes-3, got, want)
		}
	}
}

func TestCalm_NothingToMerge(t *testing.T) {
	t.Parallel()
	var state calm
	if state.due(time.Unix(1_000_000, 0), levels{below: 3}) {
		t.Error("due with nothing at level 0")
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
		now, l := time.Unix(1_000_000, 0), levels{depth: depth}
		if !state.due(now, l) {
			t.Fatalf("depth %d: not due though nothing was ever merged", depth)
		}
		state.merged(now, took)
		for after, want := range map[time.Duration]bool{rest - 1: false, rest: true} {
			if got := state.due(now.Add(after), l); got != want {
				t.Errorf("depth %d, due %s later: %t, want %t", depth, after, got, want)
			}
		}
	}
}

func TestKeepShallow(t *testing.T) {
	t.Parallel()
	fsys := vfs.NewMem()
	deep := deepEngine(t, fsys)
	if l := levelsOf(deep.db.Metrics()); l.depth == 0 || l.below < 2 {
		t.Fatalf("level 0 is %d deep, and %d levels below have files", l.depth, l.below)
	}
	closeEngine(t, deep)
	// Pebble does neither by itself: it merges level 0 from many times as many files
	// on, and leaves the levels below at the sizes that it wants.
	e, err := Open(Config{Dir: "data", FS: fsys, MinFreeBytes: -1, calmAfter: time.Millisecond, baseLevelBytes: smallLevels})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeEngine(t, e) })
	eventually(t, func() error { return shallow(e, 1) })
}

// shallow returns an error unless all files are at so many levels, and none at
// level 0.
func shallow(e *Engine, want int) error {
	if l := levelsOf(e.db.Metrics()); l.depth > 0 || l.below != want {
		return fmt.Errorf("level 0 is %d deep, and %d levels below have files, want %d", l.depth, l.below, want)
	}
	return nil
}

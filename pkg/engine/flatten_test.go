// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestFlattening(t *testing.T) {
	t.Parallel()
	const took = time.Second
	now := time.Unix(1_000_000, 0)
	done := flattening{ended: now, took: took}
	for name, c := range map[string]struct {
		f     flattening
		l     levels
		after time.Duration
		want  bool
	}{
		"several levels":             {l: levels{below: 2}, want: true},
		"one level":                  {l: levels{below: 1}},
		"level 0 comes first":        {l: levels{depth: 1, below: 2}},
		"done not long ago":          {f: done, l: levels{below: 2}, after: flattenRest*took - 1},
		"done long ago":              {f: done, l: levels{below: 2}, after: flattenRest * took, want: true},
		"begun":                      {f: flattening{pieces: make([]keyRange, 1), ended: now, took: took}, l: levels{below: 1}, want: true},
		"begun, level 0 comes first": {f: flattening{pieces: make([]keyRange, 1)}, l: levels{depth: 1, below: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.f.due(now.Add(c.after), c.l); got != c.want {
				t.Errorf("due: %t, want %t", got, c.want)
			}
		})
	}
}

// The rest is for as long as all pieces took.
func TestFlattening_AddsUp(t *testing.T) {
	t.Parallel()
	f := flattening{took: time.Hour}
	f.begin(make([]keyRange, 2))
	now := time.Unix(1_000_000, 0)
	f.merged(now, time.Second)
	f.merged(now.Add(time.Minute), 2*time.Second)
	if len(f.pieces) > 0 || f.took != 3*time.Second || !f.ended.Equal(now.Add(time.Minute)) {
		t.Errorf("%d pieces are left, it took %s until %s", len(f.pieces), f.took, f.ended)
	}
}

func tableOf(smallest, largest string, size uint64) pebble.SSTableInfo {
	var table pebble.SSTableInfo
	table.Smallest.UserKey, table.Largest.UserKey, table.Size = []byte(smallest), []byte(largest), size
	return table
}

func TestPiecesOf(t *testing.T) {
	t.Parallel()
	tables := [][]pebble.SSTableInfo{
		4: {tableOf("a", "z", 100)},
		5: {tableOf("b", "c", 6), tableOf("d", "e", 4), tableOf("f", "g", 12), tableOf("h", "i", 1)},
		6: nil,
	}
	var got []string
	for _, piece := range piecesOf(tables, 10) {
		got = append(got, fmt.Sprintf("%q-%q: %d", piece.from, piece.to, bytesIn(tables, piece)))
	}
	want := []string{`"\x00"-"e": 110`, `"e\x00"-"g": 112`, `"g\x00"-"\xff": 101`}
	if !slices.Equal(got, want) {
		t.Errorf("pieces %s, want %s", got, want)
	}
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	e := deepEngine(t, vfs.NewMem())
	var f flattening
	for begun := false; !begun || len(f.pieces) > 0; begun = true {
		if err := e.flattenSome(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := shallow(e, 1); err != nil {
		t.Error(err)
	}
	checkWorks(t, e)
}

func TestFlatten_CalledOff(t *testing.T) {
	t.Parallel()
	e := deepEngine(t, vfs.NewMem())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var f flattening
	if err := e.flattenSome(ctx, &f); err == nil {
		t.Error("merging was called off and says nothing")
	}
	checkWorks(t, e)
}

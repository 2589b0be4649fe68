// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// flattenBytes is how much of the lowest level is merged at once. Closing waits
	// until that has ended.
	flattenBytes = 256 * mib
	// flattenRest is how many times as long as it took to merge all levels into one
	// nothing is merged in this way again. It reads and writes everything anew, and
	// each level less saves a look-up a filter and a file to find, some 5 µs.
	flattenRest = 1000
)

// keyRange is a range of rows, both ends included.
type keyRange struct{ from, to []byte }

func (r keyRange) has(smallest, largest []byte) bool {
	return bytes.Compare(smallest, r.to) <= 0 && bytes.Compare(largest, r.from) >= 0
}

// flattening is how far the levels are merged into one, and when that was last
// done.
type flattening struct {
	// pieces are what is left to merge, one after the other.
	pieces []keyRange
	// ended is when all had been merged, and took how long that lasted.
	ended time.Time
	took  time.Duration
}

// due reports whether some should be merged when it is calm. Level 0 comes first:
// each piece would merge all of it.
func (f *flattening) due(now time.Time, l levels) bool {
	switch {
	case l.depth > 0:
		return false
	case len(f.pieces) > 0:
		return true
	default:
		return l.below > 1 && now.Sub(f.ended) >= flattenRest*f.took
	}
}

// begin starts with the first piece of all.
func (f *flattening) begin(pieces []keyRange) { f.pieces, f.took = pieces, 0 }

// merged leaves the first piece behind.
func (f *flattening) merged(now time.Time, took time.Duration) {
	f.pieces = f.pieces[1:]
	f.took += took
	f.ended = now
}

// flattenSome merges the next piece.
func (e *Engine) flattenSome(ctx context.Context, f *flattening) error {
	begun := time.Now()
	tables, err := e.db.SSTables()
	if err != nil {
		return fmt.Errorf("looking which files there are: %w", err)
	}
	if len(f.pieces) == 0 {
		f.begin(piecesOf(tables, flattenBytes))
	}
	piece := f.pieces[0]
	if !e.roomFor(bytesIn(tables, piece)) {
		return nil
	}
	err = e.mergeFiles(ctx, piece.from, piece.to)
	f.merged(time.Now(), time.Since(begun))
	return err
}

// piecesOf cuts all rows between files of the lowest level that has any, such that
// each piece but the last has enough bytes there.
func piecesOf(tables [][]pebble.SSTableInfo, enough uint64) []keyRange {
	var lowest []pebble.SSTableInfo
	for _, level := range tables {
		if len(level) > 0 {
			lowest = level
		}
	}
	var pieces []keyRange
	from, size := []byte{0}, uint64(0)
	for _, table := range lowest {
		if size += table.Size; size >= enough {
			to := bytes.Clone(table.Largest.UserKey)
			pieces = append(pieces, keyRange{from, to})
			from, size = append(bytes.Clone(to), 0), 0
		}
	}
	return append(pieces, keyRange{from, []byte{0xff}})
}

// bytesIn is how large the files are that have rows of the piece.
func bytesIn(tables [][]pebble.SSTableInfo, piece keyRange) int64 {
	var size uint64
	for _, level := range tables {
		for _, table := range level {
			if piece.has(table.Smallest.UserKey, table.Largest.UserKey) {
				size += table.Size
			}
		}
	}
	return int64(size)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// comparerName is written into every file. It must change when rowComparer
// orders or splits any two rows differently.
const comparerName = "events-apiserver.rows.1"

// rowComparer orders rows by their bytes. It defines for Pebble where the part ends
// that all versions of a key, and all index rows of a value, have in common:
// filters are made of that part, so that looking up a key that does not exist
// reads no block.
func rowComparer() *pebble.Comparer {
	comparer := *pebble.DefaultComparer
	comparer.Name = comparerName
	comparer.Split = splitRow
	comparer.ImmediateSuccessor = nextRowPrefix
	comparer.ComparePointSuffixes = bytes.Compare
	comparer.CompareRangeSuffixes = bytes.Compare
	return &comparer
}

// splitRow returns the length of the common part. Pebble also calls it with
// shortened keys between two rows, which are all common part.
func splitRow(row []byte) int {
	var skip int
	switch {
	case len(row) == 0:
		return 0
	case row[0] == spaceVersion:
		skip = 1
	case row[0] == spaceIndex && len(row) > 1+indexIDBytes:
		skip = 1 + indexIDBytes
	default:
		return len(row)
	}
	if n := terminatedLength(row[skip:]); n >= 0 {
		return skip + n
	}
	return len(row)
}

// nextRowPrefix appends the first common part above that of row.
func nextRowPrefix(dst, row []byte) []byte {
	dst = append(dst, row...)
	if n := len(row); n > 2 && row[n-2] == escape && row[n-1] == terminator && splitRow(row) == n {
		dst[len(dst)-1]++
		return dst
	}
	return append(dst, 0)
}

// filterName is written into every file. A file whose filter has another name
// is read without one, so it must change when rowFilter takes other rows.
const filterName = "events-apiserver.rows.1"

// rowFilter is a Bloom filter of the rows that are looked up where mostly there
// are none: the versions of a key, and the index entries of a value. Changes
// and expiry rows are only looked for where they are, and each of them has a
// common part of its own, so that they would take half of the filter.
type rowFilter struct{ bloom bloom.FilterPolicy }

// Name implements pebble.FilterPolicy.
func (rowFilter) Name() string { return filterName }

// MayContain implements pebble.FilterPolicy.
func (f rowFilter) MayContain(kind pebble.FilterType, filter, key []byte) bool {
	return !filtered(key) || f.bloom.MayContain(kind, filter, key)
}

// NewWriter implements pebble.FilterPolicy.
func (f rowFilter) NewWriter(kind pebble.FilterType) pebble.FilterWriter {
	return rowFilterWriter{f.bloom.NewWriter(kind)}
}

type rowFilterWriter struct{ pebble.FilterWriter }

// AddKey implements pebble.FilterWriter.
func (w rowFilterWriter) AddKey(key []byte) {
	if filtered(key) {
		w.FilterWriter.AddKey(key)
	}
}

func filtered(key []byte) bool {
	return len(key) > 0 && (key[0] == spaceVersion || key[0] == spaceIndex)
}

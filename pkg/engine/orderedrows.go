// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"slices"
)

// mostKeptBytes is how much memory orderedRows keep from batch to batch.
const mostKeptBytes = 8 * mib

// orderedRows are rows that wait for the end of a batch. They go into it one kind
// after the other and in order: then each finds its place in the memtable next
// to the one before. None of them is removed or changed by the batch that adds
// it.
type orderedRows struct {
	versions, changes, entries []orderedRow
	// bytes are what the rows are slices of.
	bytes []byte
}

type orderedRow struct{ key, value []byte }

// reset forgets all rows and keeps their memory.
func (r *orderedRows) reset() {
	if cap(r.bytes) > mostKeptBytes {
		*r = orderedRows{}
	}
	r.versions, r.changes, r.entries, r.bytes = r.versions[:0], r.changes[:0], r.entries[:0], r.bytes[:0]
}

// add copies a row to one of the kinds.
func (r *orderedRows) add(kind *[]orderedRow, key, value []byte) {
	begin, middle := len(r.bytes), len(r.bytes)+len(key)
	r.bytes = append(append(r.bytes, key...), value...)
	*kind = append(*kind, orderedRow{r.bytes[begin:middle], r.bytes[middle:]})
}

// each calls set for every row. Changes come in order by themselves.
func (r *orderedRows) each(set func(key, value []byte)) {
	byKey := func(x, y orderedRow) int { return bytes.Compare(x.key, y.key) }
	slices.SortFunc(r.versions, byKey)
	slices.SortFunc(r.entries, byKey)
	for _, rows := range [][]orderedRow{r.versions, r.changes, r.entries} {
		for _, row := range rows {
			set(row.key, row.value)
		}
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// fieldSet is the fields that share one index of the engine. Those with few
// values do, since the entries of indexes are most of what a write costs. The
// entry then has the values of all of them, and a list of one chooses among
// the combinations that there are.
type fieldSet struct {
	fields []Index
	few    bool
}

// fieldSets returns the sets in the order of their first fields.
func fieldSets(indexes []Index) []fieldSet {
	var sets []fieldSet
	few := -1
	for _, index := range indexes {
		switch {
		case !index.Few:
			sets = append(sets, fieldSet{fields: []Index{index}})
		case few < 0:
			few = len(sets)
			sets = append(sets, fieldSet{fields: []Index{index}, few: true})
		default:
			sets[few].fields = append(sets[few].fields, index)
		}
	}
	return sets
}

// setOf returns the set of the field, and where the field is in it.
func (c Config) setOf(field string) (set fieldSet, at int) {
	for _, set := range c.sets {
		at := slices.IndexFunc(set.fields, func(index Index) bool { return index.Field == field })
		if at >= 0 {
			return set, at
		}
	}
	return fieldSet{}, -1
}

// name is what the set's index is called before secrets come into it.
func (s fieldSet) name() string {
	names := make([]string, 0, len(s.fields))
	for _, index := range s.fields {
		names = append(names, index.Field)
	}
	return strings.Join(names, ",")
}

// combinedBytes is room for what objects mostly have in a set with few values.
const combinedBytes = 64

// valueOf returns the value of the object in the set's index, or nil when it
// has none in any field.
func (c Config) valueOf(set fieldSet, obj runtime.Object) []byte {
	if !set.few {
		field := set.fields[0]
		if value := field.Value(obj); value != "" {
			return c.indexKey(field.Field, value)
		}
		return nil
	}
	combined := make([]byte, 0, combinedBytes)
	found := false
	for _, field := range set.fields {
		value := field.Value(obj)
		if value == "" {
			combined = append(combined, 0)
			continue
		}
		found = true
		combined = binary.AppendUvarint(combined, uint64(c.indexKeyLength(value))) //nolint:gosec // not negative
		combined = c.appendIndexKey(combined, field.Field, value)
	}
	if !found {
		return nil
	}
	return combined
}

// hasPart reports whether a value of a set with few values has the part for the
// field at a place. A value that is not made by valueOf has none.
func hasPart(combined []byte, at int, part []byte) bool {
	for ; ; at-- {
		size, n := binary.Uvarint(combined)
		if n <= 0 {
			return false
		}
		combined = combined[n:]
		if size > uint64(len(combined)) {
			return false
		}
		if at == 0 {
			return bytes.Equal(combined[:size], part)
		}
		combined = combined[size:]
	}
}

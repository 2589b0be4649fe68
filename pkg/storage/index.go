// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// longestIndexValue is the length in bytes up to which an index holds a value unchanged.
// Longer values are hashed, so that the engine's limit on values rejects no object.
const longestIndexValue = 512

// secretNameBytes is the length of the part of an index name that identifies the secret
// among all secrets ever used with a data directory.
const secretNameBytes = 8

// EngineIndexes returns the engine's indexes for this config. It only uses Codec,
// Transformer, ResourcePrefix, Indexes and IndexSecret.
func (c Config) EngineIndexes() []engine.Index {
	c = c.withDefaults()
	reader := c.values()
	root := resourceRoot(c.ResourcePrefix)
	indexes := make([]engine.Index, 0, len(c.sets))
	for _, set := range c.sets {
		indexes = append(indexes, engine.Index{
			Name:           c.indexName(set.name()),
			LowCardinality: set.lowCardinality,
			Values: func(key, sealed []byte) ([][]byte, error) {
				return c.storedIndexValues(reader, root, set, key, sealed)
			},
		})
	}
	return indexes
}

// EngineIndex returns the name of the engine's index of the field, which must be one of
// Indexes.
func (c Config) EngineIndex(field string) string {
	set, _ := c.withDefaults().setOf(field)
	return c.indexName(set.name())
}

// storedIndexValues returns the values of a stored object in an index, for a backfill. A
// backfill belongs to no request, so there is no context to use.
func (c Config) storedIndexValues(reader *valueCodec, root string, set fieldSet, key, sealed []byte) ([][]byte, error) {
	if !strings.HasPrefix(string(key), root) {
		return nil, nil
	}
	obj, err := reader.openNew(context.Background(), string(key), sealed, 0)
	if err != nil {
		return nil, err
	}
	return c.setValues(set, obj), nil
}

// indexValues returns the values of the object in all indexes of the engine, in the
// order of the indexes.
func (c Config) indexValues(obj runtime.Object) [][][]byte {
	if len(c.sets) == 0 {
		return nil
	}
	all := make([][][]byte, len(c.sets))
	values := make([][]byte, len(c.sets))
	for i, set := range c.sets {
		if values[i] = c.valueOf(set, obj); values[i] != nil {
			all[i] = values[i : i+1 : i+1]
		}
	}
	return all
}

func (c Config) setValues(set fieldSet, obj runtime.Object) [][]byte {
	value := c.valueOf(set, obj)
	if value == nil {
		return nil
	}
	return [][]byte{value}
}

// indexName returns the engine's name of an index. It depends on the secret, because
// entries made with one secret are useless with another.
func (c Config) indexName(plain string) string {
	if len(c.IndexSecret) == 0 {
		return plain
	}
	mac := hmac.New(sha256.New, c.IndexSecret)
	// It starts with an empty field name, so no value has this hash.
	mac.Write([]byte("\x00name"))
	return plain + "#" + hex.EncodeToString(mac.Sum(nil)[:secretNameBytes])
}

// indexKey returns the bytes that stand for the value in the index of the field. Hashes
// may collide, so readers of an index evaluate the selector on the objects again.
func (c Config) indexKey(field, value string) []byte {
	return c.appendIndexKey(make([]byte, 0, c.indexKeyLength(value)), field, value)
}

// appendIndexKey appends the indexKey to dst.
func (c Config) appendIndexKey(dst []byte, field, value string) []byte {
	if c.isIndexKey(value) {
		return append(dst, value...)
	}
	// The field is hashed, too, so that equal values of two fields are not seen to be
	// equal.
	mac := hmac.New(sha256.New, c.IndexSecret)
	mac.Write([]byte(field))
	mac.Write([]byte{0})
	mac.Write([]byte(value))
	return mac.Sum(dst)
}

// isIndexKey reports whether an index holds the value unchanged.
func (c Config) isIndexKey(value string) bool {
	return len(c.IndexSecret) == 0 && len(value) <= longestIndexValue
}

func (c Config) indexKeyLength(value string) int {
	if c.isIndexKey(value) {
		return len(value)
	}
	return sha256.Size
}

// pin is an indexed field that a selector requires to have one value. The zero pin is
// none.
type pin struct {
	// index is the position in Config.Indexes, counted from 1.
	index int
	value string
}

// pinned returns the pin of the most selective index that the predicate pins: the first
// in Config.Indexes.
func (c Config) pinned(predicate storage.SelectionPredicate) pin {
	if predicate.Field == nil {
		return pin{}
	}
	for i, index := range c.Indexes {
		if value, ok := predicate.Field.RequiresExactMatch(index.Field); ok && value != "" {
			return pin{index: i + 1, value: value}
		}
	}
	return pin{}
}

// fieldOf returns the field of the pin, empty for the zero pin.
func (c Config) fieldOf(p pin) string {
	if p.index == 0 {
		return ""
	}
	return c.Indexes[p.index-1].Field
}

// narrow returns the query with the index of the pin.
func (c Config) narrow(query engine.Query, p pin) engine.Query {
	if p.index == 0 {
		return query
	}
	field := c.fieldOf(p)
	set, at := c.setOf(field)
	query.Index = c.indexName(set.name())
	key := c.indexKey(field, p.value)
	if set.lowCardinality {
		query.IndexMatch = func(value []byte) bool { return hasPart(value, at, key) }
	} else {
		query.IndexValue = key
	}
	return query
}

// fieldSet is a set of fields that share one index of the engine. All low-cardinality
// fields do, because index entries are most of the cost of a write. An entry of theirs
// has the values of all of them, and a list by one field matches all combinations with
// its value.
type fieldSet struct {
	fields         []Index
	lowCardinality bool
}

// fieldSets returns the sets in the order of their first fields.
func fieldSets(indexes []Index) []fieldSet {
	var sets []fieldSet
	shared := -1
	for _, index := range indexes {
		switch {
		case !index.LowCardinality:
			sets = append(sets, fieldSet{fields: []Index{index}})
		case shared < 0:
			shared = len(sets)
			sets = append(sets, fieldSet{fields: []Index{index}, lowCardinality: true})
		default:
			sets[shared].fields = append(sets[shared].fields, index)
		}
	}
	return sets
}

// setOf returns the set of the field and the field's position in it, -1 if the field is
// not indexed.
func (c Config) setOf(field string) (set fieldSet, at int) {
	for _, set := range c.sets {
		at := slices.IndexFunc(set.fields, func(index Index) bool { return index.Field == field })
		if at >= 0 {
			return set, at
		}
	}
	return fieldSet{}, -1
}

// name returns the name of the set's index without the part for the secret.
func (s fieldSet) name() string {
	names := make([]string, 0, len(s.fields))
	for _, index := range s.fields {
		names = append(names, index.Field)
	}
	return strings.Join(names, ",")
}

// combinedBytes is the capacity allocated for the value of a low-cardinality set; most
// objects need less.
const combinedBytes = 64

// valueOf returns the value of the object in the set's index, nil if all fields of the
// set are empty. A low-cardinality set has a length and a value for each field.
func (c Config) valueOf(set fieldSet, obj runtime.Object) []byte {
	if !set.lowCardinality {
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

// hasPart reports whether a value of a low-cardinality set has the part for the field at
// the position. It is false for values that valueOf did not make.
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

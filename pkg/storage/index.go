// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// longestIndexValue is up to which length a value stands in an index as it is.
// Longer ones are hashed, so that no object is refused for its index.
const longestIndexValue = 512

// secretNameBytes tell one secret from all others that a directory ever sees.
const secretNameBytes = 8

// EngineIndexes returns the indexes of this config as the engine wants them. It
// needs Codec, Transformer, ResourcePrefix, Indexes and IndexSecret alone.
func (c Config) EngineIndexes() []engine.Index {
	c = c.withDefaults()
	reader := c.values()
	root := resourceRoot(c.ResourcePrefix)
	indexes := make([]engine.Index, 0, len(c.sets))
	for _, set := range c.sets {
		indexes = append(indexes, engine.Index{
			Name: c.indexName(set.name()),
			Few:  set.few,
			Values: func(key, sealed []byte) ([][]byte, error) {
				return c.storedIndexValues(reader, root, set, key, sealed)
			},
		})
	}
	return indexes
}

// EngineIndex is the name of the engine's index that has the field, which must
// be one of Indexes.
func (c Config) EngineIndex(field string) string {
	set, _ := c.withDefaults().setOf(field)
	return c.indexName(set.name())
}

// storedIndexValues reads the value of an index from what is stored. The engine
// has no request whose context could be used.
func (c Config) storedIndexValues(reader *values, root string, set fieldSet, key, sealed []byte) ([][]byte, error) {
	if !strings.HasPrefix(string(key), root) {
		return nil, nil
	}
	obj, err := reader.openNew(context.Background(), string(key), sealed, 0)
	if err != nil {
		return nil, err
	}
	return c.setValues(set, obj), nil
}

// indexValues returns the values of the object in all indexes of the engine, in
// their order.
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

// indexName is the name of an index in the engine. What is built under one
// secret is of no use under another, so the name tells the secret apart.
func (c Config) indexName(plain string) string {
	if len(c.IndexSecret) == 0 {
		return plain
	}
	mac := hmac.New(sha256.New, c.IndexSecret)
	// No field is empty, so that this is the hash of no value.
	mac.Write([]byte("\x00name"))
	return plain + "#" + hex.EncodeToString(mac.Sum(nil)[:secretNameBytes])
}

// indexKey is how a value stands in the index of the field. Two values may meet
// in one key: whoever reads an index compares the objects again.
func (c Config) indexKey(field, value string) []byte {
	return c.appendIndexKey(make([]byte, 0, c.indexKeyLength(value)), field, value)
}

// appendIndexKey appends it to dst.
func (c Config) appendIndexKey(dst []byte, field, value string) []byte {
	if c.isIndexKey(value) {
		return append(dst, value...)
	}
	// The field is part of it, so that the same value in two fields cannot be
	// told either.
	mac := hmac.New(sha256.New, c.IndexSecret)
	mac.Write([]byte(field))
	mac.Write([]byte{0})
	mac.Write([]byte(value))
	return mac.Sum(dst)
}

// isIndexKey reports whether a value stands in an index as it is.
func (c Config) isIndexKey(value string) bool {
	return len(c.IndexSecret) == 0 && len(value) <= longestIndexValue
}

func (c Config) indexKeyLength(value string) int {
	if c.isIndexKey(value) {
		return len(value)
	}
	return sha256.Size
}

// pin is an indexed field that must have one value. The zero pin is none.
type pin struct {
	// index counts from 1, so that the zero pin differs from all others.
	index int
	value string
}

// pinned returns the most selective index that the predicate pins, which is
// the first that was declared.
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

// fieldOf is the field of the pin, or empty.
func (c Config) fieldOf(p pin) string {
	if p.index == 0 {
		return ""
	}
	return c.Indexes[p.index-1].Field
}

// narrow makes the query use the index of the pin.
func (c Config) narrow(query engine.Query, p pin) engine.Query {
	if p.index == 0 {
		return query
	}
	field := c.fieldOf(p)
	set, at := c.setOf(field)
	query.Index = c.indexName(set.name())
	key := c.indexKey(field, p.value)
	if set.few {
		query.IndexMatch = func(value []byte) bool { return hasPart(value, at, key) }
	} else {
		query.IndexValue = key
	}
	return query
}

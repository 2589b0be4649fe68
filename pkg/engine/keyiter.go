// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// keyIterator yields keys, each once and in order.
type keyIterator interface {
	// key returns the next key, or nil at the end. It is valid until next.
	key() []byte
	next()
	err() error
	close() error
}

// indexKeys are rows that end with a key.
type indexKeys struct {
	iter *pebble.Iterator
	// prefix is how many bytes come before the key.
	prefix int
	valid  bool
}

func (r *indexKeys) key() []byte {
	if !r.valid {
		return nil
	}
	return r.iter.Key()[r.prefix:]
}

func (r *indexKeys) next() { r.valid = r.iter.Next() }

func (r *indexKeys) err() error { return r.iter.Error() }

func (r *indexKeys) close() error { return r.iter.Close() }

// newKeyIterator opens the iterator of the keys that a look-up looks at: those that
// the index has under a value.
func (e *Engine) newKeyIterator(query Query, l lookup) (keyIterator, error) {
	if len(l.values) != 1 {
		return e.newMergingIterator(query, l)
	}
	prefix := appendIndexPrefix(nil, l.index.id, l.values[0])
	lower, upper := query.boundsBehind(prefix)
	iter, err := e.newIter(lower, upper)
	if err != nil {
		return nil, err
	}
	return &indexKeys{iter: iter, prefix: len(prefix), valid: iter.SeekPrefixGE(lower)}, nil
}

// boundsBehind returns the bounds of the rows that begin with prefix and go on
// with one of the query's keys.
func (q Query) boundsBehind(prefix []byte) (lower, upper []byte) {
	lower = append(bytes.Clone(prefix), q.Prefix...)
	upper = prefixEnd(bytes.Clone(lower))
	if bytes.Compare(q.From, q.Prefix) > 0 {
		lower = append(bytes.Clone(prefix), q.From...)
	}
	if bytes.Compare(lower, upper) > 0 {
		lower = upper
	}
	return lower, upper
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// keySource yields keys, each once and in order.
type keySource interface {
	// key returns the next key, or nil at the end. It is valid until next.
	key() []byte
	next()
	err() error
	close() error
}

// candidates are the keys that a look-up looks at, each once and in order: those
// that the index has under a value, and those of which it cannot tell.
type candidates struct {
	entries, undecided keySource
}

func (c *candidates) key() []byte {
	if c.order() <= 0 {
		return c.entries.key()
	}
	return c.undecided.key()
}

func (c *candidates) next() {
	order := c.order()
	if order <= 0 {
		c.entries.next()
	}
	if order >= 0 {
		c.undecided.next()
	}
}

// order is below 0 when the next key is an entry, above when it is undecided,
// and 0 when it is both.
func (c *candidates) order() int {
	entry, undecided := c.entries.key(), c.undecided.key()
	switch {
	case undecided == nil:
		return -1
	case entry == nil:
		return 1
	default:
		return bytes.Compare(entry, undecided)
	}
}

func (c *candidates) err() error { return errors.Join(c.entries.err(), c.undecided.err()) }

func (c *candidates) close() error { return errors.Join(c.entries.close(), c.undecided.close()) }

// keyRows are rows that end with a key.
type keyRows struct {
	iter *pebble.Iterator
	// prefix is how many bytes come before the key.
	prefix int
	valid  bool
}

func (r *keyRows) key() []byte {
	if !r.valid {
		return nil
	}
	return r.iter.Key()[r.prefix:]
}

func (r *keyRows) next() { r.valid = r.iter.Next() }

func (r *keyRows) err() error { return r.iter.Error() }

func (r *keyRows) close() error { return r.iter.Close() }

// noKeys is the source without any.
type noKeys struct{}

func (noKeys) key() []byte  { return nil }
func (noKeys) next()        {}
func (noKeys) err() error   { return nil }
func (noKeys) close() error { return nil }

// candidates opens the iterators of a look-up. Keys move from the undecided to
// the entries, so those are opened first: a key that moves meanwhile is in one
// of them, or in both.
func (e *Engine) candidates(query Query, l lookup) (*candidates, error) {
	undecided, err := e.undecidedOf(l.index, query)
	if err != nil {
		return nil, err
	}
	entries, err := e.entriesOf(query, l)
	if err != nil {
		return nil, errors.Join(err, undecided.close())
	}
	return &candidates{entries: entries, undecided: undecided}, nil
}

func (e *Engine) undecidedOf(x *index, query Query) (keySource, error) {
	if !x.undecided.Load() {
		return noKeys{}, nil
	}
	prefix := undecidedSpace(x.id)
	iter, err := e.newIter(query.boundsBehind(prefix))
	if err != nil {
		return nil, err
	}
	return &keyRows{iter: iter, prefix: len(prefix), valid: iter.First()}, nil
}

func (e *Engine) entriesOf(query Query, l lookup) (keySource, error) {
	if len(l.values) != 1 {
		return e.newUnion(query, l)
	}
	prefix := appendIndexPrefix(nil, l.index.id, l.values[0])
	lower, upper := query.boundsBehind(prefix)
	iter, err := e.newIter(lower, upper)
	if err != nil {
		return nil, err
	}
	return &keyRows{iter: iter, prefix: len(prefix), valid: iter.SeekPrefixGE(lower)}, nil
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

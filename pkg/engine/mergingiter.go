// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"container/heap"

	"github.com/cockroachdb/pebble/v2"
)

// firstAhead and mostAhead are how many keys of a value are read at once, at
// first and at last.
const (
	firstAhead = 16
	mostAhead  = 512
)

// mergingIterator yields the keys that an index has under any of several values. One
// iterator reads for all of them in turn, since open iterators keep blocks in
// memory.
type mergingIterator struct {
	iter *pebble.Iterator
	// streams is a heap of those that have a key, the lowest key first.
	streams []*stream
}

// stream is the keys of one value.
type stream struct {
	keys [][]byte
	// from is the row to go on with, nil when there is no more; upper is the
	// first row behind the value's.
	from, upper []byte
	prefix      int
	ahead       int
}

func (e *Engine) newMergingIterator(query Query, l lookup) (*mergingIterator, error) {
	space := appendIndexSpace(nil, l.index.id)
	iter, err := e.newIter(space, prefixEnd(bytes.Clone(space)))
	if err != nil {
		return nil, err
	}
	u := &mergingIterator{iter: iter}
	for _, value := range l.values {
		prefix := appendIndexPrefix(nil, l.index.id, value)
		s := &stream{prefix: len(prefix), ahead: firstAhead}
		s.from, s.upper = query.boundsBehind(prefix)
		if s.read(iter) {
			u.streams = append(u.streams, s)
		}
	}
	heap.Init(u)
	return u, nil
}

// read gets the next keys of the stream and reports whether there are any.
func (s *stream) read(iter *pebble.Iterator) bool {
	s.keys = nil
	if s.from == nil {
		return false
	}
	for valid := iter.SeekPrefixGE(s.from); valid; valid = iter.Next() {
		row := iter.Key()
		if bytes.Compare(row, s.upper) >= 0 {
			break
		}
		if len(s.keys) == s.ahead {
			s.from = bytes.Clone(row)
			s.ahead = min(2*s.ahead, mostAhead)
			return true
		}
		s.keys = append(s.keys, bytes.Clone(row[s.prefix:]))
	}
	s.from = nil
	return len(s.keys) > 0
}

func (u *mergingIterator) key() []byte {
	if len(u.streams) == 0 {
		return nil
	}
	return u.streams[0].keys[0]
}

// next leaves the key in every stream that has it: other versions of a record
// may have other values.
func (u *mergingIterator) next() {
	for key := u.key(); len(u.streams) > 0 && bytes.Equal(u.key(), key); {
		s := u.streams[0]
		s.keys = s.keys[1:]
		if len(s.keys) == 0 && !s.read(u.iter) {
			heap.Pop(u)
			continue
		}
		heap.Fix(u, 0)
	}
}

func (u *mergingIterator) err() error { return u.iter.Error() }

func (u *mergingIterator) close() error { return u.iter.Close() }

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (u *mergingIterator) Len() int { return len(u.streams) }

func (u *mergingIterator) Less(i, j int) bool {
	return bytes.Compare(u.streams[i].keys[0], u.streams[j].keys[0]) < 0
}

func (u *mergingIterator) Swap(i, j int) { u.streams[i], u.streams[j] = u.streams[j], u.streams[i] }

// Push is never used: streams do not come back.
func (u *mergingIterator) Push(s any) { u.streams = append(u.streams, s.(*stream)) } //nolint:forcetypeassert // as heap.Interface wants it

// Pop removes the last stream.
func (u *mergingIterator) Pop() any {
	last := u.streams[len(u.streams)-1]
	u.streams = u.streams[:len(u.streams)-1]
	return last
}

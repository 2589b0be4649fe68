// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// mostFewValues is how many different values of an index are kept in memory.
// With more, Query.IndexMatch goes through all records.
const mostFewValues = 16 << 10

// lowCardinalityValues are the different values of an index with Index.LowCardinality, and maybe some
// that it had a while ago. A value is in it before the first row that has it can
// be read.
type lowCardinalityValues struct {
	lock sync.Mutex
	// known is nil when there are too many.
	known map[string]struct{}
	// added are those that came while the rows are counted again; nil at other
	// times.
	added map[string]struct{}
}

func (f *lowCardinalityValues) add(value []byte) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if _, known := f.known[string(value)]; known && f.added == nil {
		return
	}
	for _, values := range []*map[string]struct{}{&f.known, &f.added} {
		if *values == nil {
			continue
		}
		(*values)[string(value)] = struct{}{}
		if len(*values) > mostFewValues {
			*values = nil
		}
	}
}

// matching returns the values that are wanted, in order, or false when it
// cannot tell.
func (f *lowCardinalityValues) matching(wanted func(value []byte) bool) ([][]byte, bool) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.known == nil {
		return nil, false
	}
	var matching [][]byte
	for known := range f.known {
		if value := []byte(known); wanted(value) {
			matching = append(matching, value)
		}
	}
	slices.SortFunc(matching, bytes.Compare)
	return matching, true
}

// expectMore makes the values that come from now on known to replace as well.
func (f *lowCardinalityValues) expectMore() {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.added = map[string]struct{}{}
}

// replace takes the values that were found in the rows, with those that came
// meanwhile. Nil is too many.
func (f *lowCardinalityValues) replace(found map[string]struct{}) {
	f.lock.Lock()
	defer f.lock.Unlock()
	added := f.added
	f.known, f.added = found, nil
	if found == nil || added == nil {
		f.known = nil
		return
	}
	for value := range added {
		found[value] = struct{}{}
	}
	if len(found) > mostFewValues {
		f.known = nil
	}
}

// addingTo is called by the writer with each value before it gets a row.
func (e *Engine) addingTo(id indexID, value []byte) {
	for _, x := range e.indexes {
		if x.id == id {
			x.adding(value)
		}
	}
}

// countLowCardinality finds the values of all indexes with Index.LowCardinality again, so that those
// which are gone take no place. compactLock is held, or nothing runs yet.
func (e *Engine) countLowCardinality() error {
	for _, x := range e.indexes {
		if x.distinct == nil {
			continue
		}
		if err := e.countValuesOf(x); err != nil {
			return fmt.Errorf("counting the values of index %s: %w", x.name, err)
		}
	}
	return nil
}

func (e *Engine) countValuesOf(x *index) error {
	iter, err := e.beginCounting(x)
	if err != nil {
		return err
	}
	found, err := distinctValues(iter, x.id)
	if err := errors.Join(err, iter.Close()); err != nil {
		// The old ones and what came meanwhile stay.
		return err
	}
	x.distinct.replace(found)
	return nil
}

// beginCounting makes sure that each value is in the rows that the iterator
// sees, or the writer adds from now on.
func (e *Engine) beginCounting(x *index) (*pebble.Iterator, error) {
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	x.distinct.expectMore()
	prefix := appendIndexSpace(nil, x.id)
	return e.newIter(prefix, prefixEnd(bytes.Clone(prefix)))
}

// distinctValues leaps from each value to the next. It returns nil when there
// are too many.
func distinctValues(iter *pebble.Iterator, id indexID) (map[string]struct{}, error) {
	found := map[string]struct{}{}
	for valid := iter.First(); valid; {
		_, value, _, err := decodeIndexKey(iter.Key())
		if err != nil {
			return nil, err
		}
		found[string(value)] = struct{}{}
		if len(found) > mostFewValues {
			return nil, iter.Error()
		}
		valid = iter.SeekGE(prefixEnd(appendIndexPrefix(nil, id, value)))
	}
	return found, iter.Error()
}

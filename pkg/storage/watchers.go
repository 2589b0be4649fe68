// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"strings"
)

// scope is the set of objects of a watcher: one key, or all keys with a prefix that
// ends with a slash, or those of them that have the pinned value in an index.
type scope struct {
	key       string
	recursive bool
	pin       pin
}

// covers reports whether the key of the change is in the scope. It ignores the pin: the
// predicate that the pin comes from is evaluated anyway.
func (s scope) covers(c *change) bool {
	if s.recursive {
		return strings.HasPrefix(c.key, s.key)
	}
	return s.key == c.key
}

// indexedWatchers finds the watchers of a change by its key, by each prefix of the
// key, and by its values in the indexes that watchers pin.
type indexedWatchers struct {
	indexes []Index
	byScope map[scope]map[*watcher]struct{}
	// byPrefix holds the watchers with a pin, for changes whose values cannot be read.
	byPrefix map[string]map[*watcher]struct{}
	// pins counts the watchers that pin each index, so that no value is computed for an
	// index that none pins.
	pins []int
}

func newIndexedWatchers(indexes []Index) *indexedWatchers {
	return &indexedWatchers{
		indexes:  indexes,
		byScope:  map[scope]map[*watcher]struct{}{},
		byPrefix: map[string]map[*watcher]struct{}{},
		pins:     make([]int, len(indexes)),
	}
}

func (x *indexedWatchers) has(w *watcher) bool {
	_, ok := x.byScope[w.scope][w]
	return ok
}

func (x *indexedWatchers) anyPinned() bool { return len(x.byPrefix) > 0 }

func (x *indexedWatchers) add(w *watcher) {
	addTo(x.byScope, w.scope, w)
	if index := w.scope.pin.index; index > 0 {
		addTo(x.byPrefix, w.scope.key, w)
		x.pins[index-1]++
	}
}

func (x *indexedWatchers) remove(w *watcher) {
	if !x.has(w) {
		return
	}
	removeFrom(x.byScope, w.scope, w)
	if index := w.scope.pin.index; index > 0 {
		removeFrom(x.byPrefix, w.scope.key, w)
		x.pins[index-1]--
	}
}

func addTo[K comparable](sets map[K]map[*watcher]struct{}, key K, w *watcher) {
	if sets[key] == nil {
		sets[key] = map[*watcher]struct{}{}
	}
	sets[key][w] = struct{}{}
}

func removeFrom[K comparable](sets map[K]map[*watcher]struct{}, key K, w *watcher) {
	delete(sets[key], w)
	if len(sets[key]) == 0 {
		delete(sets, key)
	}
}

// forEach calls visit once for each watcher that may select the change. Visit may
// remove the watcher it is called with.
func (x *indexedWatchers) forEach(c *change, visit func(*watcher)) {
	visitAll(x.byScope[scope{key: c.key}], visit)
	pins, readable := x.pinsOf(c)
	for i := range len(c.key) {
		if c.key[i] != '/' {
			continue
		}
		prefix := c.key[:i+1]
		visitAll(x.byScope[scope{key: prefix, recursive: true}], visit)
		if !readable {
			visitAll(x.byPrefix[prefix], visit)
			continue
		}
		for _, p := range pins {
			visitAll(x.byScope[scope{key: prefix, recursive: true, pin: p}], visit)
		}
	}
}

func visitAll(watchers map[*watcher]struct{}, visit func(*watcher)) {
	for w := range watchers {
		visit(w)
	}
}

// pinsOf returns the pins that the object of the change matches, before it or after.
// If the object cannot be read, it reports false; every watcher with a pin then gets
// the change, fails to decode it and ends.
func (x *indexedWatchers) pinsOf(c *change) (pins []pin, readable bool) {
	for i, watchers := range x.pins {
		if watchers == 0 {
			continue
		}
		var values [2]string
		var err error
		if values[0], values[1], err = x.valuesOf(c, x.indexes[i]); err != nil {
			return nil, false
		}
		for n, value := range values {
			if value != "" && (n == 0 || value != values[0]) {
				pins = append(pins, pin{index: i + 1, value: value})
			}
		}
	}
	return pins, true
}

func (x *indexedWatchers) valuesOf(c *change, index Index) (before, now string, err error) {
	if !c.created {
		previous, err := c.previous()
		if err != nil {
			return "", "", err
		}
		before = index.Value(previous.object)
	}
	if !c.deleted {
		current, err := c.current()
		if err != nil {
			return "", "", err
		}
		now = index.Value(current.object)
	}
	return before, now, nil
}

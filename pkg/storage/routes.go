// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"strings"
)

// scope is what a watcher watches: one key, or all keys with a prefix that ends
// with a slash, or those of them that have a value in an index.
type scope struct {
	key       string
	recursive bool
	pin       pin
}

// covers tells whether the change is in the scope. The pin is left to the
// predicate that it was taken from.
func (s scope) covers(c *change) bool {
	if s.recursive {
		return strings.HasPrefix(c.key, s.key)
	}
	return s.key == c.key
}

// routes finds the watchers of a change by its key, by each of the key's
// prefixes, and by its values in the indexes that somebody has pinned.
type routes struct {
	indexes []Index
	byScope map[scope]map[*watcher]struct{}
	// byPrefix holds the watchers that pin something, for changes whose values
	// cannot be told.
	byPrefix map[string]map[*watcher]struct{}
	// pins counts the watchers that pin each index, so that an index nobody
	// pins is not computed.
	pins []int
}

func newRoutes(indexes []Index) *routes {
	return &routes{
		indexes:  indexes,
		byScope:  map[scope]map[*watcher]struct{}{},
		byPrefix: map[string]map[*watcher]struct{}{},
		pins:     make([]int, len(indexes)),
	}
}

func (r *routes) has(w *watcher) bool {
	_, ok := r.byScope[w.scope][w]
	return ok
}

func (r *routes) anyPinned() bool { return len(r.byPrefix) > 0 }

func (r *routes) add(w *watcher) {
	addTo(r.byScope, w.scope, w)
	if index := w.scope.pin.index; index > 0 {
		addTo(r.byPrefix, w.scope.key, w)
		r.pins[index-1]++
	}
}

func (r *routes) remove(w *watcher) {
	if !r.has(w) {
		return
	}
	removeFrom(r.byScope, w.scope, w)
	if index := w.scope.pin.index; index > 0 {
		removeFrom(r.byPrefix, w.scope.key, w)
		r.pins[index-1]--
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

// each calls visit for every watcher that the change may concern, once. Visit
// may remove the watcher it is called with.
func (r *routes) each(c *change, visit func(*watcher)) {
	visitAll(r.byScope[scope{key: c.key}], visit)
	pins, told := r.pinsOf(c)
	for i := range len(c.key) {
		if c.key[i] != '/' {
			continue
		}
		prefix := c.key[:i+1]
		visitAll(r.byScope[scope{key: prefix, recursive: true}], visit)
		if !told {
			visitAll(r.byPrefix[prefix], visit)
			continue
		}
		for _, p := range pins {
			visitAll(r.byScope[scope{key: prefix, recursive: true, pin: p}], visit)
		}
	}
}

func visitAll(watchers map[*watcher]struct{}, visit func(*watcher)) {
	for w := range watchers {
		visit(w)
	}
}

// pinsOf returns the pins under which the change has watchers: those of the
// object as it was and as it is. It cannot tell for an object that cannot be
// read; then all that pin something are to find that out and end.
func (r *routes) pinsOf(c *change) (pins []pin, told bool) {
	for i, watchers := range r.pins {
		if watchers == 0 {
			continue
		}
		var values [2]string
		var err error
		if values[0], values[1], err = r.valuesOf(c, r.indexes[i]); err != nil {
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

func (r *routes) valuesOf(c *change, index Index) (before, now string, err error) {
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"sync"
)

// mostGroups is for how many prefixes keys are counted. With more of them, which
// takes some ten megabytes, none are until keys are read again.
const mostGroups = 1 << 16

// groupCounts are the numbers of keys under each prefix that ends with the separator:
// "/a/" and "/a/b/" for "/a/b/c". They answer how many keys there are without reading
// any, and are in memory alone: after Open they are counted together with the reading
// of all keys that absence needs.
type groupCounts struct {
	// separator is 0 when there are no groups.
	separator byte

	// lock guards the rest: current answers, once counting has ended for the first
	// time. Each is nil while there is none.
	lock              sync.RWMutex
	current, counting *groupCount
}

// groupCount has all keys that there were at the revision since, and what has changed
// above it. Changes up to since may be published later than it is begun, and even
// than it answers: they were on the way to the disk.
type groupCount struct {
	since Revision
	keys  map[string]*int64
}

// begin starts counting. All changes up to a revision are in what will be read.
func (c *groupCounts) begin(since Revision) {
	if c.separator == 0 {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.counting = &groupCount{since: since, keys: map[string]*int64{}}
}

// finish adds what was read, and lets the counts answer.
func (c *groupCounts) finish(read *groupTally) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.counting == nil {
		return
	}
	for group, keys := range read.keys {
		c.counting.add([]byte(group), c.separator, *keys)
	}
	c.current, c.counting = c.counting, nil
	c.limit()
}

// limit gives up where there are too many groups.
func (c *groupCounts) limit() {
	if c.current != nil && len(c.current.keys) > mostGroups {
		c.current = nil
	}
}

// abandon forgets what was begun.
func (c *groupCounts) abandon() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.counting = nil
}

// published is told of all changes, in their order.
func (c *groupCounts) published(changes []Change) {
	if c.separator == 0 {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	for i := range changes {
		c.current.change(&changes[i], c.separator)
		c.counting.change(&changes[i], c.separator)
	}
	c.limit()
}

// change counts a key that came or went.
func (g *groupCount) change(change *Change, separator byte) {
	switch {
	case g == nil || change.Revision <= g.since:
	case change.Deleted:
		g.add(change.Key, separator, -1)
	case change.PrevRevision == 0:
		g.add(change.Key, separator, 1)
	}
}

// add counts under all groups of a key.
func (g *groupCount) add(key []byte, separator byte, by int64) {
	for end := 0; ; {
		next := bytes.IndexByte(key[end:], separator)
		if next < 0 {
			return
		}
		end += next + 1
		addTo(g.keys, key[:end], by)
	}
}

// addTo keeps no group without keys.
func addTo(counts map[string]*int64, group []byte, by int64) {
	keys := counts[string(group)]
	if keys == nil {
		keys = new(int64)
		counts[string(group)] = keys
	}
	if *keys += by; *keys == 0 {
		delete(counts, string(group))
	}
}

// count returns the number of keys that begin with the prefix, if it is known.
func (c *groupCounts) count(prefix []byte) (int64, bool) {
	if c.separator == 0 || len(prefix) == 0 || prefix[len(prefix)-1] != c.separator {
		return 0, false
	}
	c.lock.RLock()
	defer c.lock.RUnlock()
	if c.current == nil {
		return 0, false
	}
	keys := c.current.keys[string(prefix)]
	if keys == nil {
		return 0, true
	}
	return *keys, true
}

// groupTally counts what is read, under the longest group of each key.
type groupTally struct {
	separator byte
	keys      map[string]*int64
}

func (c *groupCounts) newTally() *groupTally {
	return &groupTally{separator: c.separator, keys: map[string]*int64{}}
}

func (t *groupTally) add(key []byte) {
	if t.separator == 0 {
		return
	}
	if end := bytes.LastIndexByte(key, t.separator) + 1; end > 0 {
		addTo(t.keys, key[:end], 1)
	}
}

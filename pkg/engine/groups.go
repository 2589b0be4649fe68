// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"sync"
)

// mostGroups is for how many prefixes keys are counted. With more of them, which
// takes some ten megabytes, none are until the directory is opened again.
const mostGroups = 1 << 16

// groupCounts are the numbers of keys under each prefix that ends with the separator:
// "/a/" and "/a/b/" for "/a/b/c". They answer how many keys there are without reading
// any, and are in memory alone: after Open all keys are read once, in the background.
type groupCounts struct {
	// separator is 0 when there are no groups.
	separator byte

	lock sync.RWMutex
	// keys has what has changed above the revision since, and from ready on also what
	// there was at it. It is nil while nothing is counted. Changes up to since may be
	// published later than counting begins, and even than ready: they were on the way
	// to the disk.
	keys  map[string]*int64
	since Revision
	ready bool
}

// begin starts counting. All changes up to a revision are in what will be read.
func (c *groupCounts) begin(since Revision) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.keys, c.since, c.ready = map[string]*int64{}, since, false
}

// finish adds what was read, and lets the counts answer.
func (c *groupCounts) finish(read *groupTally) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.keys == nil {
		return
	}
	for group, keys := range read.keys {
		c.add([]byte(group), *keys)
	}
	c.ready = true
	c.limit()
}

// limit gives up where there are too many groups.
func (c *groupCounts) limit() {
	if len(c.keys) > mostGroups {
		c.keys, c.ready = nil, false
	}
}

// abandon forgets what was begun.
func (c *groupCounts) abandon() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.keys, c.ready = nil, false
}

// published is called with all changes, in their order.
func (c *groupCounts) published(changes []Change) {
	if c.separator == 0 {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.keys == nil {
		return
	}
	for i := range changes {
		c.change(&changes[i])
	}
	c.limit()
}

// change counts a key that came or went.
func (c *groupCounts) change(change *Change) {
	switch {
	case change.Revision <= c.since:
	case change.Deleted:
		c.add(change.Key, -1)
	case change.PrevRevision == 0:
		c.add(change.Key, 1)
	}
}

// add counts under all groups of a key.
func (c *groupCounts) add(key []byte, by int64) {
	for end := 0; ; {
		next := bytes.IndexByte(key[end:], c.separator)
		if next < 0 {
			return
		}
		end += next + 1
		addTo(c.keys, key[:end], by)
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
	if !c.ready {
		return 0, false
	}
	keys := c.keys[string(prefix)]
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
	if end := bytes.LastIndexByte(key, t.separator) + 1; end > 0 {
		addTo(t.keys, key[:end], 1)
	}
}

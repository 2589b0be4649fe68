// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"sync"
	"time"
)

// record is what clients know about everything that was written: the writes that were sent,
// with their responses, and the changes that were seen. It may be used concurrently, except
// for confirm, which must run alone.
type record struct {
	// retention is for how long the server must retain old revisions; 0 if it may compact
	// them at once.
	retention time.Duration
	// found is called with each thing that is wrong.
	found func(problem string)

	mu sync.Mutex
	// top is the highest revision that any client has seen.
	top     uint64
	changes map[uint64]*change
	writes  map[string]*write
	// pending are the writes of a key that are not confirmed, in the order in which
	// they were sent.
	pending map[key][]*target
	// samples are lists above confirmed, by their revision.
	samples  map[uint64][]*sample
	refusals []refusal
	// refused counts those that were judged, doubt the writes that were in doubt.
	refused int
	doubt   doubt

	// begun is the revision of the empty store.
	begun uint64
	// confirmed is the revision up to which all changes are matched with writes and
	// expiries. state is the state at it.
	confirmed uint64
	state     map[key]*change
	// uids are all there ever were, seenValues all values of indexed fields.
	uids       map[string]bool
	seenValues [6][]string
}

// newRecord begins with a store that is empty at the revision.
func newRecord(revision uint64, retention time.Duration, found func(string)) *record {
	return &record{
		retention: retention,
		found:     found,
		top:       revision,
		begun:     revision,
		confirmed: revision,
		changes:   map[uint64]*change{},
		writes:    map[string]*write{},
		pending:   map[key][]*target{},
		samples:   map[uint64][]*sample{},
		state:     map[key]*change{},
		uids:      map[string]bool{},
	}
}

func (r *record) problem(format string, args ...any) { r.found(fmt.Sprintf(format, args...)) }

// begin must be called before the write is sent.
func (r *record) begin(w *write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.floor = r.top
	w.sent = time.Now()
	r.writes[w.id] = w
	for _, t := range w.targets {
		t.write = w
		r.pending[t.key] = append(r.pending[t.key], t)
	}
}

// end must be called with the answer to the write. Only an acknowledged write
// that leaves something has a version.
func (r *record) end(w *write, o outcome, answer *version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.done = time.Now()
	w.outcome = o
	if answer == nil {
		return
	}
	w.revision = answer.revision
	t := w.on(answer.key)
	switch {
	case t == nil || answer.op != w.id:
		r.problem("the answer to %s is about %s with the write %q", w.id, answer.key, answer.op)
	case answer.revision <= w.floor:
		r.problem("%s was acknowledged with revision %d; %d had been seen before it was sent", w.id, answer.revision, w.floor)
	case answer.body != t.body && answer.body != t.fresh:
		r.problem("%s was acknowledged with the content %s; sent was %s", w.id, answer.body, t.body)
	}
	r.add(&change{version: *answer, at: w.done})
}

// sawRevision records a revision without content, as of a list or a bookmark.
func (r *record) sawRevision(revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.top = max(r.top, revision)
}

// sawVersion records that a client got the version.
func (r *record) sawVersion(v version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&change{version: v, at: time.Now()})
}

// sawDeletion records that a client got the deletion of the version, whose revision is that of
// the deletion.
func (r *record) sawDeletion(v version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&change{version: v, deleted: true, at: time.Now()})
}

// newest returns the highest revision that any client has seen.
func (r *record) newest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.top
}

// add keeps a change, or compares it with what is known of its revision: a
// revision is one change and never another.
func (r *record) add(c *change) {
	r.top = max(r.top, c.revision)
	known, ok := r.changes[c.revision]
	switch {
	case ok && !known.same(c):
		r.problem("revision %d is %s to one and %s to another", c.revision, known, c)
	case ok:
	case c.revision <= r.confirmed:
		r.problem("revision %d is new as %s; everything up to %d had been seen", c.revision, c, r.confirmed)
	default:
		r.changes[c.revision] = c
	}
}

func (c *change) same(other *change) bool {
	return c.key == other.key && c.deleted == other.deleted && c.uid == other.uid && c.whole == other.whole
}

// String describes the change.
func (c *change) String() string {
	if c.deleted {
		return fmt.Sprintf("the deletion of %s (uid %s)", c.key, c.uid)
	}
	return fmt.Sprintf("%s of %s (uid %s, content %s)", c.op, c.key, c.uid, c.whole)
}

// complete reports whether all changes up to the revision have been seen, and
// the first one that has not.
func (r *record) complete(upTo uint64) (missing uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for revision := r.confirmed + 1; revision <= upTo; revision++ {
		if r.changes[revision] == nil {
			return revision, false
		}
	}
	return 0, true
}

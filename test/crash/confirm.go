// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import "time"

// confirm matches all changes up to the revision, that of a list after all writes had ended,
// with writes and expiries, and closes the writes that were in doubt. No write may be sent
// meanwhile; events may expire and make newer revisions.
func (r *record) confirm(upTo uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.confirmed < upTo {
		r.confirmed++
		c := r.changes[r.confirmed]
		if c == nil {
			r.problem("revision %d was given out, but a watch of everything did not deliver it", r.confirmed)
			continue
		}
		if c.deleted {
			r.explainDeletion(c)
		} else {
			r.explainWrite(c)
		}
		r.apply(c)
		for _, s := range r.samples[r.confirmed] {
			r.compare(s, r.state)
		}
		delete(r.samples, r.confirmed)
	}
	r.countDoubt()
	for k, targets := range r.pending {
		r.close(k, targets)
	}
	clear(r.pending)
	for _, f := range r.refusals {
		r.judge(f)
	}
	r.refused += len(r.refusals)
	r.refusals = nil
}

// countDoubt counts which of the writes without an answer were made.
func (r *record) countDoubt() {
	writes := map[*write]int{}
	for _, targets := range r.pending {
		for _, t := range targets {
			if t.write.outcome == inDoubt && t.claimed {
				writes[t.write]++
			} else if t.write.outcome == inDoubt {
				writes[t.write] += 0
			}
		}
	}
	for w, made := range writes {
		switch made {
		case 0:
			r.doubt.notMade++
		case len(w.targets):
			r.doubt.made++
		default:
			r.doubt.inPart++
		}
	}
}

func (r *record) apply(c *change) {
	c.prev = r.state[c.key]
	if c.deleted {
		delete(r.state, c.key)
		return
	}
	r.state[c.key] = c
	r.uids[c.uid] = true
	r.remember(&c.attrs)
}

// explainWrite finds the write that made the change.
func (r *record) explainWrite(c *change) {
	w := r.writes[c.op]
	if w == nil {
		r.problem("revision %d, %s: no such write was sent", c.revision, c)
		return
	}
	t := w.on(c.key)
	if t == nil || t.deletes {
		r.problem("revision %d, %s: %s did not write that key", c.revision, c, w.id)
		return
	}
	switch {
	case w.outcome == refused:
		r.problem("revision %d, %s: the write had been refused", c.revision, c)
	case w.closed:
		r.problem("revision %d, %s: the write without an answer was not there after the restart, and is now", c.revision, c)
	case t.claimed:
		r.problem("revision %d, %s: the write was made twice", c.revision, c)
	case w.outcome == acknowledged && w.revision != c.revision:
		r.problem("revision %d, %s: the write was acknowledged with revision %d", c.revision, c, w.revision)
	case c.revision <= w.floor:
		r.problem("revision %d, %s: the write was sent after revision %d had been seen", c.revision, c, w.floor)
	}
	t.claimed = true
	c.since = w.sent
	c.dueFrom, c.dueUntil = w.sent.Add(w.ttl), w.done.Add(w.ttl)
	r.checkContent(c, t)
}

// checkContent compares a change with what was sent and with what it replaced.
func (r *record) checkContent(c *change, t *target) {
	prev, want := r.state[c.key], t.body
	switch {
	case prev == nil:
		want = t.fresh
		if r.uids[c.uid] {
			r.problem("revision %d, %s: the uid was there before", c.revision, c)
		}
	case prev.revision != t.base:
		r.problem("revision %d, %s: it replaced revision %d; the writer knew revision %d", c.revision, c, prev.revision, t.base)
	case c.uid != prev.uid || c.created != prev.created:
		r.problem("revision %d, %s: the event before had the uid %s", c.revision, c, prev.uid)
	}
	if c.body != want {
		r.problem("revision %d, %s: the content %s is not what was sent, %s", c.revision, c, c.body, want)
	}
}

// explainDeletion finds the write that deleted the event, else checks that it had expired.
func (r *record) explainDeletion(c *change) {
	prev := r.state[c.key]
	if prev == nil {
		r.problem("revision %d, %s: there was nothing to delete", c.revision, c)
		return
	}
	if c.uid != prev.uid || c.whole != prev.whole {
		r.problem("revision %d, %s with the content %s: what was deleted was %s", c.revision, c, c.whole, prev)
	}
	if t := r.nextFor(c, prev.revision); t != nil {
		t.claimed = true
		c.since = t.write.sent
		return
	}
	c.since = prev.dueFrom
	if c.at.Before(prev.dueFrom) {
		r.problem("revision %d, %s: no client deleted it, and it could not expire before %s", c.revision, c, prev.dueFrom.Format(time.RFC3339Nano))
	}
}

// nextFor returns the first write to the key that is not matched with a change, if it is a
// deletion of the base and can have made the change. A deletion of another revision found
// that it had expired.
func (r *record) nextFor(c *change, base uint64) *target {
	for _, t := range r.pending[c.key] {
		if t.claimed || t.write.outcome == refused || t.deletes && t.base != base {
			continue
		}
		if t.deletes && c.revision > t.write.floor {
			return t
		}
		return nil
	}
	return nil
}

// close closes the writes to a key for which there is no change.
func (r *record) close(k key, targets []*target) {
	for _, t := range targets {
		if t.claimed || t.write.outcome == refused {
			continue
		}
		if t.write.outcome == inDoubt {
			t.write.closed = true
			continue
		}
		// An expired event is not in a collection any more.
		if !t.deletes || t.write.done.Before(t.baseDue) {
			r.problem("%s (%s) of %s was acknowledged, but no change shows it; the key holds %v", t.write.id, t.write.verb, k, r.state[k])
		}
	}
}

// refusal is a request for an old revision that was answered with "gone".
type refusal struct {
	revision uint64
	at       time.Time
}

// sawRefusal records that a watch after the revision, or a read at it, was rejected as too
// old.
func (r *record) sawRefusal(revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusals = append(r.refusals, refusal{revision, time.Now()})
}

// judge accepts a refusal if the revision after it was written so long ago that the server
// may have compacted it.
func (r *record) judge(f refusal) {
	next := r.changes[f.revision+1]
	if next == nil {
		r.problem("revision %d was refused as too old, and nothing newer is known", f.revision)
		return
	}
	if age := f.at.Sub(next.since); age < r.retention {
		r.problem("revision %d was refused as too old only %s after it was replaced", f.revision, age)
	}
}

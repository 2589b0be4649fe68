// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import "time"

// reading is the kind of a list.
type reading int

const (
	// newest lists at the newest revision, without expired events.
	newest reading = iota
	// exact lists at a revision, with the events stored at it.
	exact
	// paged lists in pages, the first at the newest revision and the others at the same.
	paged
)

func (r reading) String() string { return [...]string{"newest", "exact", "paged"}[r] }

// sample is the result of a list.
type sample struct {
	selection  selection
	reading    reading
	revision   uint64
	sent, done time.Time
	items      []version
}

// sawList records a list. It is compared with the state of its revision as soon as that is
// known. floor is the newest revision that any client had seen before the list.
func (r *record) sawList(s *sample, floor uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.top = max(r.top, s.revision)
	if s.reading != exact && s.revision < floor {
		r.problem("a list of %s shows revision %d; %d had been seen before", s.selection, s.revision, floor)
	}
	for i := range s.items {
		r.add(&change{version: s.items[i], at: s.done})
	}
	switch {
	case s.revision == r.confirmed:
		r.compare(s, r.state)
	case s.revision > r.confirmed:
		r.samples[s.revision] = append(r.samples[s.revision], s)
	default:
		r.compare(s, r.stateAt(s.revision))
	}
}

// stateAt returns the state at a confirmed revision.
func (r *record) stateAt(revision uint64) map[key]*change {
	state := map[key]*change{}
	for earlier := r.begun + 1; earlier <= revision; earlier++ {
		switch c := r.changes[earlier]; {
		case c == nil:
		case c.deleted:
			delete(state, c.key)
		default:
			state[c.key] = c
		}
	}
	return state
}

// compare compares a list with the state at its revision.
func (r *record) compare(s *sample, state map[key]*change) {
	items := map[key]*version{}
	for i := range s.items {
		item := &s.items[i]
		if items[item.key] != nil {
			r.problem("%s: %s is in it twice", s, item.key)
		}
		items[item.key] = item
	}
	for k, want := range state {
		if !s.selection.matches(&want.attrs) {
			continue
		}
		got := items[k]
		delete(items, k)
		r.compareItem(s, want, got)
	}
	for k, extra := range items {
		r.problem("%s: %s at revision %d should not be in it; there is %v", s, k, extra.revision, state[k])
	}
}

func (r *record) compareItem(s *sample, want *change, got *version) {
	switch {
	case got == nil:
		if s.reading == exact || s.done.Before(want.dueFrom) {
			r.problem("%s: %s at revision %d is missing", s, want.key, want.revision)
		}
	case got.revision != want.revision || got.whole != want.whole || got.uid != want.uid:
		r.problem("%s: %s at revision %d with content %s; want revision %d with content %s",
			s, want.key, got.revision, got.whole, want.revision, want.whole)
	case s.reading == newest && want.dueUntil.Before(s.sent):
		r.problem("%s: %s is shown though its time was over at %s", s, want.key, want.dueUntil.Format(time.RFC3339Nano))
	}
}

// String describes the list.
func (s *sample) String() string {
	return "list (" + s.reading.String() + ") of " + s.selection.String()
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"slices"
	"time"
)

// confirmedUpTo returns the revision up to which all changes are explained.
func (r *record) confirmedUpTo() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.confirmed
}

// values returns every value that any event has ever had in an indexed field, in
// order, so that lists also ask for what is not there any more.
func (r *record) values(field string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seenValues[slices.Index(fieldNames(), field)])
}

// valueOf returns the nth of the values, counted in a circle, or a value that no
// event has if there is none.
func (r *record) valueOf(field string, n int) string {
	if values := r.values(field); len(values) > 0 {
		return values[n%len(values)]
	}
	return "none"
}

func fieldNames() []string {
	names := indexedFields()
	return names[:]
}

// remember keeps the values of an event's indexed fields.
func (r *record) remember(a *attributes) {
	for i, value := range a.fields {
		if at, found := slices.BinarySearch(r.seenValues[i], value); !found {
			r.seenValues[i] = slices.Insert(r.seenValues[i], at, value)
		}
	}
}

// dueOf returns the bounds of the time at which a version in the confirmed state
// is over.
func (r *record) dueOf(v *version) (from, until time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.state[v.key]
	if c == nil || c.revision != v.revision {
		return time.Time{}, time.Time{}, false
	}
	return c.dueFrom, c.dueUntil, true
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import "time"

// outcome is what the response to a write means for it.
type outcome int

const (
	// inDoubt is a write without an answer: it may have been made or not.
	inDoubt outcome = iota
	// acknowledged writes have been made.
	acknowledged
	// refused writes have not been made.
	refused
)

func (o outcome) String() string {
	return [...]string{"in doubt", "acknowledged", "refused"}[o]
}

// write is one request that changes what is stored. Its fields are set before
// record.begin, but for the last group, which is the record's.
type write struct {
	id   string
	verb string
	// targets are the keys that it changes; more than one only if it deletes a
	// collection.
	targets []*target
	// ttl is the time to live of what is written.
	ttl time.Duration

	sent, done time.Time
	// floor is the newest revision that any client had seen when it was sent.
	floor   uint64
	outcome outcome
	// revision is the one of the answer; 0 if that has none, as for deletions.
	revision uint64
	// closed is set if it was in doubt and turned out not to have been made.
	closed bool
}

// target is what a write does to one key.
type target struct {
	write   *write
	key     key
	deletes bool
	// base is the revision of what the key holds as far as its writer knows, 0 for
	// nothing. baseDue is when that may be over at the earliest.
	base    uint64
	baseDue time.Time
	// body is what the key is to hold if it holds base, fresh what if it holds
	// nothing. The zero digest is for what the write does not do.
	body, fresh digest
	claimed     bool
}

// on returns the target with the key, or nil.
func (w *write) on(k key) *target {
	for _, t := range w.targets {
		if t.key == k {
			return t
		}
	}
	return nil
}

// change is one revision: what was written to a key, or its deletion.
type change struct {
	// version is, for a deletion, the last content of the key.
	version
	deleted bool
	// at is when a client first saw it.
	at time.Time

	// The fields below are set when the change is confirmed.

	// prev is what the key held before; nil for nothing.
	prev *change
	// since is a time before which it was not made.
	since time.Time
	// dueFrom and dueUntil are the bounds of the time at which it expires.
	dueFrom, dueUntil time.Time
}

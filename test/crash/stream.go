// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/watch"
)

// delivery is an event of a watch: a change, or only a revision for a bookmark.
type delivery struct {
	kind watch.EventType
	version
}

// stream is one watch, from its start to its end.
type stream struct {
	selection selection

	mu sync.Mutex
	// from is the revision that it began after, or up to which it was compared.
	from       uint64
	deliveries []delivery
	position   uint64
	ended      bool
}

func newStream(s selection, from uint64) *stream {
	return &stream{selection: s, from: from, position: from}
}

func (s *stream) add(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, d)
	s.position = max(s.position, d.revision)
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// reached returns the highest revision that was delivered.
func (s *stream) reached() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// due returns what a watch must deliver for a change, false for nothing. An event that enters
// the selection is added, one that leaves it is deleted.
func (s selection) due(c *change) (delivery, bool) {
	before := c.prev != nil && s.matches(&c.prev.attrs)
	after := !c.deleted && s.matches(&c.attrs)
	d := delivery{kind: watch.Added, version: c.version}
	switch {
	case before && after:
		d.kind = watch.Modified
	case before:
		d.kind, d.version = watch.Deleted, c.prev.version
		d.revision = c.revision
	case !after:
		return delivery{}, false
	}
	return d, true
}

// lastDue returns the revision of the last change up to one that a stream must
// deliver, or 0 when there is none.
func (r *record) lastDue(s *stream, upTo uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for revision := upTo; revision > s.from; revision-- {
		if c := r.changes[revision]; c != nil {
			if _, ok := s.selection.due(c); ok {
				return revision
			}
		}
	}
	return 0
}

// checkStream compares the deliveries of a stream with the confirmed changes up to a revision,
// and removes them. A stream that has ended may lack the last changes.
func (r *record) checkStream(name string, s *stream, upTo uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	at := fmt.Sprintf("watch %s of %s after %d", name, s.selection, s.from)
	n := 0
	for revision := s.from + 1; revision <= upTo; revision++ {
		// Bookmarks below this revision promise nothing about it.
		for n < len(s.deliveries) && s.deliveries[n].kind == watch.Bookmark && s.deliveries[n].revision < revision {
			n++
		}
		c := r.changes[revision]
		if c == nil {
			continue
		}
		want, ok := s.selection.due(c)
		if !ok {
			continue
		}
		if n == len(s.deliveries) && s.ended {
			return
		}
		if n == len(s.deliveries) || s.deliveries[n].revision > upTo {
			r.problem("%s: %s of revision %d was not delivered", at, want.kind, revision)
			return
		}
		got := s.deliveries[n]
		if got.kind != want.kind || got.revision != want.revision || got.key != want.key || got.whole != want.whole {
			r.problem("%s: it gave %s of %s at revision %d (content %s); due was %s of %s at revision %d (content %s)", at,
				got.kind, got.key, got.revision, got.whole, want.kind, want.key, want.revision, want.whole)
			return
		}
		n++
	}
	for n < len(s.deliveries) && s.deliveries[n].revision <= upTo {
		if got := s.deliveries[n]; got.kind != watch.Bookmark {
			r.problem("%s: it gave %s of %s at revision %d, which was not due", at, got.kind, got.key, got.revision)
			return
		}
		n++
	}
	s.deliveries = append([]delivery(nil), s.deliveries[n:]...)
	s.from = upTo
}

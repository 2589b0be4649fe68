// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import "github.com/events-apiserver/events-apiserver/pkg/engine"

// recentSize is how many changes are kept for watchers that catch up.
const recentSize = 2048

// recentChanges keeps the newest changes in their shared form. Without it, many
// watchers that fall behind together would each decode the same changes, and so
// fall behind further.
type recentChanges struct {
	ring [recentSize]*change
}

func newRecentChanges() *recentChanges { return &recentChanges{} }

// add keeps the change in the place of an older one.
func (r *recentChanges) add(c *change) { r.ring[c.revision%recentSize] = c }

func (r *recentChanges) get(revision engine.Revision) (*change, bool) {
	c := r.ring[revision%recentSize]
	return c, c != nil && c.revision == revision
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// graveLife is how long a change may take to come in from the host.
	graveLife = 5 * time.Minute
	// graveLimit bounds the memory: some ten megabytes.
	graveLimit = 100_000
)

// graves remembers the uids of events that were deleted here. A change from
// before the deletion may still be on its way, and must not bring the event back.
type graves struct {
	now func() time.Time

	mutex      sync.Mutex
	young, old map[types.UID]struct{}
	turned     time.Time
}

func newGraves(now func() time.Time) *graves {
	return &graves{now: now, young: map[types.UID]struct{}{}, old: map[types.UID]struct{}{}, turned: now()}
}

func (g *graves) add(uid types.UID) {
	if uid == "" {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if now := g.now(); len(g.young) >= graveLimit || now.Sub(g.turned) >= graveLife {
		g.old, g.young, g.turned = g.young, map[types.UID]struct{}{}, now
	}
	g.young[uid] = struct{}{}
}

func (g *graves) has(uid types.UID) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	_, young := g.young[uid]
	_, old := g.old[uid]
	return young || old
}

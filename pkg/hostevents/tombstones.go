// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
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
	// prints are the fingerprints of those whose uid was never learned, until the
	// queue has deleted them in the host.
	prints map[uint64]struct{}
}

func newGraves(now func() time.Time) *graves {
	return &graves{now: now, young: map[types.UID]struct{}{}, old: map[types.UID]struct{}{}, turned: now(), prints: map[uint64]struct{}{}}
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

// addPrint remembers an event without a uid until removePrint.
func (g *graves) addPrint(mark uint64) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.prints[mark] = struct{}{}
}

// forgetPrints makes room for what the queue says.
func (g *graves) forgetPrints() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	clear(g.prints)
}

func (g *graves) removePrint(mark uint64) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	delete(g.prints, mark)
}

// holds tells whether the event was deleted here.
func (g *graves) holds(event *events.Event) bool {
	if g.has(event.UID) {
		return true
	}
	g.mutex.Lock()
	some := len(g.prints) > 0
	g.mutex.Unlock()
	if !some {
		return false
	}
	mark := fingerprint(event)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	_, has := g.prints[mark]
	return has
}

func (g *graves) has(uid types.UID) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	_, young := g.young[uid]
	_, old := g.old[uid]
	return young || old
}

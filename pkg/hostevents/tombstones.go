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
	// tombstoneTTL is how late a change from the host may arrive.
	tombstoneTTL = 5 * time.Minute
	// tombstoneLimit bounds the memory to about ten megabytes.
	tombstoneLimit = 100_000
)

// tombstones keeps the uids of events that were deleted here. A change from before
// the deletion may arrive later, and must not bring the event back.
type tombstones struct {
	now func() time.Time

	mutex      sync.Mutex
	young, old map[types.UID]struct{}
	// rotated is when young became old.
	rotated time.Time
	// fingerprints are those of events whose uid in the host was never learned, until
	// they are deleted there.
	fingerprints map[uint64]struct{}
}

func newTombstones(now func() time.Time) *tombstones {
	return &tombstones{now: now, young: map[types.UID]struct{}{}, old: map[types.UID]struct{}{}, rotated: now(), fingerprints: map[uint64]struct{}{}}
}

func (t *tombstones) add(uid types.UID) {
	if uid == "" {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if now := t.now(); len(t.young) >= tombstoneLimit || now.Sub(t.rotated) >= tombstoneTTL {
		t.old, t.young, t.rotated = t.young, map[types.UID]struct{}{}, now
	}
	t.young[uid] = struct{}{}
}

// addFingerprint adds an event without a uid, until removeFingerprint.
func (t *tombstones) addFingerprint(fingerprint uint64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.fingerprints[fingerprint] = struct{}{}
}

// clearFingerprints removes all fingerprints, before those in the outbox are added.
func (t *tombstones) clearFingerprints() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	clear(t.fingerprints)
}

func (t *tombstones) removeFingerprint(fingerprint uint64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.fingerprints, fingerprint)
}

// holds reports whether the event was deleted here.
func (t *tombstones) holds(event *events.Event) bool {
	if t.has(event.UID) {
		return true
	}
	t.mutex.Lock()
	some := len(t.fingerprints) > 0
	t.mutex.Unlock()
	if !some {
		return false
	}
	own := fingerprint(event)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, has := t.fingerprints[own]
	return has
}

func (t *tombstones) has(uid types.UID) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, young := t.young[uid]
	_, old := t.old[uid]
	return young || old
}

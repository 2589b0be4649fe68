// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Local is our own store of events, below validation and admission.
type Local interface {
	// Get returns the event, or nil.
	Get(ctx context.Context, key Key) (*events.Event, error)
	// Create stores the event, to live as long as life says, and tells whether it
	// did: nothing changes where something is stored. It costs less than Upsert.
	Create(ctx context.Context, event *events.Event, life time.Duration) (created bool, err error)
	// Upsert replaces the stored event, nil if there is none, by what change
	// returns, to live as long as change says. A nil result leaves it as it is. One
	// with another uid is another object: the stored one is deleted before.
	// Change may be called more than once and must not modify its argument.
	Upsert(ctx context.Context, key Key, change func(stored *events.Event) (*events.Event, time.Duration)) error
	// Delete removes the event if it is there and when says so.
	Delete(ctx context.Context, key Key, when func(stored *events.Event) bool) error
	// Revision returns the newest resource version that the store has given out.
	Revision(ctx context.Context) (uint64, error)
	// List returns a page in the order of Key.String, and how to get the next one;
	// empty at the end.
	List(ctx context.Context, continueFrom string, limit int64) (items []events.Event, continueAt string, err error)
}

// Records is where the bridge keeps what must survive a restart. Like the events
// it is shared by all replicas.
type Records interface {
	// Put stores what change makes of the record of the key, which has only its
	// key where there was none, for as long as life says.
	Put(ctx context.Context, key Key, life time.Duration, change func(*Record)) error
	// Remove removes the record if it is still the same.
	Remove(ctx context.Context, record Record) error
	// Each calls visit with every record until visit returns false.
	Each(ctx context.Context, visit func(Record) bool) error
	// Bury remembers for so long that the event of the uid was deleted.
	Bury(ctx context.Context, uid types.UID, life time.Duration) error
	// Buried tells whether Bury was called with the uid.
	Buried(ctx context.Context, uid types.UID) (bool, error)
	// Position returns the version of the host up to which everything was taken
	// in, zero at first.
	Position(ctx context.Context) (uint64, error)
	// SetPosition stores the position.
	SetPosition(ctx context.Context, version uint64) error
}

// Record says that the host may have another state of an event than the store.
type Record struct {
	Key Key
	// Since is when that began.
	Since time.Time
	// Erase names the events that are to be deleted in the host: more than one if
	// the name was used again and again with the host away.
	Erase []Identity
	// Token tells one state of the record from another.
	Token string
}

// Identity names one event among those that had its key.
type Identity struct {
	// UID is empty if the host gave the event one that was never learned.
	UID types.UID
	// Print is the fingerprint of the event.
	Print uint64
}

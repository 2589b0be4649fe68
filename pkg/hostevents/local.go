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
	// Create stores the event for ttl and reports whether it did: where something is
	// stored nothing changes. It costs less than Upsert.
	Create(ctx context.Context, event *events.Event, ttl time.Duration) (created bool, err error)
	// Upsert replaces the stored event, nil if there is none, by the one that change
	// returns, for the time to live that it returns. A nil result leaves the stored
	// event as it is. An event with another uid is another object: the stored one is
	// deleted first. Change may be called more than once and must not modify its
	// argument.
	Upsert(ctx context.Context, key Key, change func(stored *events.Event) (*events.Event, time.Duration)) error
	// Delete removes the event if it is there and when returns true for it.
	Delete(ctx context.Context, key Key, when func(stored *events.Event) bool) error
	// Revision returns the newest resource version that the store has assigned.
	Revision(ctx context.Context) (uint64, error)
	// List returns a page in the order of Key.String, and the token of the next one,
	// empty at the end.
	List(ctx context.Context, continueFrom string, limit int64) (items []events.Event, continueAt string, err error)
}

// Outbox is where the bridge keeps what must survive a restart. Like the events it is
// shared by all replicas.
type Outbox interface {
	// Put stores the record of the key after change was applied to it, for ttl. A new
	// record has only its key before.
	Put(ctx context.Context, key Key, ttl time.Duration, change func(*Record)) error
	// Remove removes the record if it has not changed.
	Remove(ctx context.Context, record Record) error
	// Each calls visit with every record until visit returns false.
	Each(ctx context.Context, visit func(Record) bool) error
	// AddTombstone notes for ttl that the event with the uid was deleted in the host.
	AddTombstone(ctx context.Context, uid types.UID, ttl time.Duration) error
	// HasTombstone reports whether the uid has a tombstone.
	HasTombstone(ctx context.Context, uid types.UID) (bool, error)
	// Position returns the version of the host up to which everything was ingested,
	// zero at first.
	Position(ctx context.Context) (uint64, error)
	// SetPosition stores the position.
	SetPosition(ctx context.Context, version uint64) error
}

// Record notes that the host may have another state of an event than the store.
type Record struct {
	Key Key
	// Since is when that began.
	Since time.Time
	// Deletions are the events that are to be deleted in the host: more than one if
	// the name was used repeatedly while the host was unavailable.
	Deletions []Identity
	// Token changes with each change of the record.
	Token string
}

// Identity is one event among those that had its key. It is stored as JSON.
type Identity struct {
	// UID is empty if the host assigned one that this server never learned.
	UID types.UID `json:"UID"`
	// Fingerprint is that of the event, see fingerprint.
	Fingerprint uint64 `json:"Print"`
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// ErrExpired says that the host does not remember what followed a version, or
// the rest of a list, any more.
var ErrExpired = errors.New("the host does not remember that version any more")

// ErrLacksRight says that our own account lacks a right in the host: a mistake of
// the installation, and nothing about the write.
var ErrLacksRight = errors.New("the server's account lacks a right in the host cluster")

// ErrPageTooLarge says that a page has more than MaxPageBytes.
var ErrPageTooLarge = errors.New("the page is larger than what is to be in memory at once")

// MaxPageBytes is from where on a page of more than one event is given up and asked
// for with fewer: large events that follow small ones.
const MaxPageBytes = 4 * pageBytes

// Host is the host cluster's core/v1 events. The events that it returns have the
// host's identity and Host state, no managed fields and no resource version of
// ours. Its errors are those of the Kubernetes API; a 403 is one of admission, for
// where our own account lacks a right they wrap ErrLacksRight.
type Host interface {
	// Create makes the event. The host gives it a uid and a creation time of its
	// own. With dryRun nothing is kept and no event is returned: one that was not
	// stored has no version.
	Create(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error)
	// Update replaces the state with event.UIDInHost and event.Host.Version, or
	// fails with a conflict. With dryRun no event is returned.
	Update(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error)
	// Get returns the newest state.
	Get(ctx context.Context, key Key) (*events.Event, error)
	// Delete removes the event of the identity, or fails with a conflict.
	Delete(ctx context.Context, key Key, only Preconditions, dryRun bool) error
	// List returns a page of all events in the order of Key.String. All pages of
	// a list are of one version. A list that was continued too late fails with
	// ErrExpired, a page of more than MaxPageBytes with ErrPageTooLarge; one of a
	// single event is never too large.
	List(ctx context.Context, continueFrom string, limit int64) (Page, error)
	// Watch returns what follows the version, or fails with ErrExpired.
	Watch(ctx context.Context, after uint64) (Stream, error)
}

// Preconditions say which event is meant. An empty uid and a zero version mean any.
type Preconditions struct {
	UID     types.UID
	Version uint64
}

// Page is a part of a list.
type Page struct {
	// Version is the one that the whole list is of.
	Version uint64
	Items   []*events.Event
	// Continue gets the next page; empty at the end.
	Continue string
	// Bytes is how large the page was on its way here; zero if that is not known.
	Bytes int64
}

// Stream is a watch.
type Stream interface {
	// Next waits for the next change. It fails with ErrExpired when the host has
	// dropped the watch because it fell behind, with io.EOF when the watch has
	// ended in order.
	Next(ctx context.Context) (Change, error)
	// Close ends the watch.
	Close()
}

// Change is one change in the host.
type Change struct {
	// Version is that of the change, also where the event was deleted.
	Version uint64
	// Event is the new state, or the last one of a deleted event; nil where only
	// the version moved on.
	Event   *events.Event
	Deleted bool
	// Unknown says that the event was made just now and not by this server, so
	// that most likely nothing is stored. It is right to leave it out.
	Unknown bool
}

// Key names an event.
type Key struct {
	Namespace, Name string
}

// KeyOf returns the key of the event.
func KeyOf(event *events.Event) Key { return Key{Namespace: event.Namespace, Name: event.Name} }

// String returns the key in the order in which both the host and the store list
// events.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// ErrExpired is returned for a version that the host has compacted: it has neither
// the changes after it nor the rest of the list any more.
var ErrExpired = errors.New("the host has compacted that version")

// ErrNotAuthorized is returned where the server's own account has no permission in
// the host: an error of the installation that does not depend on the write.
var ErrNotAuthorized = errors.New("the server's account has no permission for it in the host cluster")

// ErrPageTooLarge is returned for a page of more than MaxPageBytes.
var ErrPageTooLarge = errors.New("the page is larger than the limit for one page in memory")

// MaxPageBytes is the limit of a page with more than one event. A larger one, as of
// large events that follow small ones, is abandoned and requested with a lower limit.
const MaxPageBytes = 4 * targetPageBytes

// Host is the core/v1 events of the host cluster. The events that it returns have the
// host's identity and Host state, no managed fields, and no resource version. Its
// errors are those of the Kubernetes API. A 403 is one of admission; where the
// server's own account has no permission the error wraps ErrNotAuthorized.
type Host interface {
	// Create creates the event. The host assigns uid and creation time. With dryRun
	// nothing is stored and no event is returned, because it would have no version.
	Create(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error)
	// Update replaces the state with event.UIDInHost and event.Host.Version, or
	// fails with a conflict. With dryRun no event is returned.
	Update(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error)
	// Get returns the newest state.
	Get(ctx context.Context, key Key) (*events.Event, error)
	// Delete deletes the event that meets the preconditions, or fails with a conflict.
	Delete(ctx context.Context, key Key, only Preconditions, dryRun bool) error
	// List returns a page of all events in the order of Key.String. All pages of a
	// list are at one version. A list that is continued too late fails with
	// ErrExpired, a page of more than MaxPageBytes with ErrPageTooLarge; a page of a
	// single event is never too large.
	List(ctx context.Context, continueFrom string, limit int64) (Page, error)
	// Watch returns the changes after the version, or fails with ErrExpired.
	Watch(ctx context.Context, after uint64) (Stream, error)
}

// Preconditions identify an event. An empty uid and a zero version match any.
type Preconditions struct {
	UID     types.UID
	Version uint64
}

// Page is a part of a list.
type Page struct {
	// Version is that of the whole list.
	Version uint64
	Items   []*events.Event
	// Continue is the token of the next page, empty at the end.
	Continue string
	// Bytes is the size of the response; zero if it is not known.
	Bytes int64
}

// Stream is a watch.
type Stream interface {
	// Next waits for the next change. It fails with ErrExpired when the host has ended
	// the watch because it fell behind, with io.EOF when the watch has ended normally.
	Next(ctx context.Context) (Change, error)
	// Close ends the watch.
	Close()
}

// Change is one change in the host.
type Change struct {
	// Version is that of the change, also where the event was deleted.
	Version uint64
	// Event is the new state, or the last one of a deleted event; nil for a bookmark.
	Event   *events.Event
	Deleted bool
	// LikelyNew is set for an event that was created now and not by this server, so
	// that most likely nothing is stored. It is a hint: false is always correct.
	LikelyNew bool
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// storedPage is how many of the stored events are read at most at once.
const storedPage = 500

// list compares all events of the host with all that are stored, side by side
// and page by page, and returns the version from which to watch. With setBack
// the host's versions count also where the stored ones are higher.
func (in *ingest) list(ctx context.Context, setBack bool) (uint64, error) {
	in.bridge.state.change(func(status *Status) { status.Lists++ })
	stored := &storedEvents{local: in.bridge.config.Local, limit: newPageLimit(storedPage)}
	c := &comparison{ingest: in, setBack: setBack, stored: stored}
	listing, stop := context.WithCancel(ctx)
	defer stop()
	for page := range hostPages(listing, in.bridge.config.Host) {
		if page.err != nil {
			return 0, page.err
		}
		c.version = page.Version
		for _, event := range page.Items {
			if err := c.listed(ctx, event); err != nil {
				return 0, err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.missingBefore(ctx, nil); err != nil {
		return 0, err
	}
	if err := in.pipeline.Idle(ctx); err != nil {
		return 0, err
	}
	in.pipeline.Reset(c.version)
	return c.version, nil
}

// comparison goes through both sides in the order of their keys.
type comparison struct {
	ingest  *ingest
	setBack bool
	stored  *storedEvents
	version uint64
}

// listed handles the next event of the host.
func (c *comparison) listed(ctx context.Context, event *events.Event) error {
	key := KeyOf(event)
	if err := c.missingBefore(ctx, &key); err != nil {
		return err
	}
	known, err := c.stored.peek(ctx)
	if err != nil {
		return err
	}
	if known != nil && KeyOf(known) == key {
		c.stored.next()
		if known.Host.Version == event.Host.Version {
			return nil
		}
	}
	in, setBack, unknown := c.ingest, c.setBack, known == nil || KeyOf(known) != key
	return in.pipeline.Give(ctx, key.String(), 0, sizeOf(event), func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		if in.bridge.graves.holds(event) {
			return nil
		}
		return in.bridge.store(ctx, event, unknown, func(stored *events.Event) bool {
			return stored.Host.Version < event.Host.Version || setBack && stored.Host.Version != event.Host.Version
		})
	})
}

// missingBefore handles the stored events up to the key, which the host does not
// have; nil is all that are left.
func (c *comparison) missingBefore(ctx context.Context, key *Key) error {
	for {
		event, err := c.stored.peek(ctx)
		if err != nil || event == nil || key != nil && KeyOf(event).String() >= key.String() {
			return err
		}
		c.stored.next()
		if err := c.missing(ctx, event); err != nil {
			return err
		}
	}
}

// missing deletes an event that somebody deleted in the host while nobody
// watched. One that may only have reached the host's time to live is kept.
func (c *comparison) missing(ctx context.Context, event *events.Event) error {
	in, version, setBack, uid, key := c.ingest, c.version, c.setBack, event.UID, KeyOf(event)
	gone := func(stored *events.Event) bool {
		switch host := stored.Host; {
		case stored.UID != uid, host.Version == 0, host.Pending:
			return false
		case host.Version > version && !setBack:
			return false // made after the list
		}
		return !expiredInHost(lastWritten(stored), in.bridge.config.Now(), in.bridge.config.HostTTL)
	}
	if !gone(event) {
		return nil
	}
	return in.pipeline.Give(ctx, key.String(), 0, 0, func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		return in.bridge.config.Local.Delete(ctx, key, gone)
	})
}

// storedEvents goes through all stored events, page by page.
type storedEvents struct {
	local        Local
	limit        *pageLimit
	page         []events.Event
	continueFrom string
	ended        bool
}

// peek returns the next event without going on to it, or nil at the end.
func (s *storedEvents) peek(ctx context.Context) (*events.Event, error) {
	for len(s.page) == 0 {
		if s.ended {
			return nil, nil
		}
		page, continueAt, err := s.local.List(ctx, s.continueFrom, s.limit.next)
		if err != nil {
			return nil, err
		}
		s.page, s.continueFrom, s.ended = page, continueAt, continueAt == ""
		s.limit.learn(len(page), sizeOfAll(page))
	}
	return &s.page[0], nil
}

// next goes on behind the event that peek returned.
func (s *storedEvents) next() { s.page = s.page[1:] }

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// storedPage is the maximum number of stored events in a page.
const storedPage = 500

// list compares all events of the host with all that are stored, page by page, and
// returns the version from which to watch. With rewound the host was restored from a
// backup, and its versions also replace higher ones.
func (in *ingest) list(ctx context.Context, rewound bool) (uint64, error) {
	in.bridge.state.change(func(status *Status) { status.Lists++ })
	stored := &storedEvents{local: in.bridge.config.Local, limit: newPageLimit(storedPage)}
	c := &comparison{ingest: in, rewound: rewound, stored: stored}
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

// comparison iterates both sides in the order of their keys.
type comparison struct {
	ingest  *ingest
	rewound bool
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
	in, rewound, likelyNew := c.ingest, c.rewound, known == nil || KeyOf(known) != key
	return in.pipeline.Enqueue(ctx, key.String(), 0, sizeOf(event), func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		if in.bridge.tombstones.holds(event) {
			return nil
		}
		return in.bridge.store(ctx, event, likelyNew, func(stored *events.Event) bool {
			return stored.Host.Version < event.Host.Version || rewound && stored.Host.Version != event.Host.Version
		})
	})
}

// missingBefore handles the stored events before the key, which the host does not
// have; nil means all that are left.
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

// missing deletes an event that was deleted in the host while nobody watched. One
// that may have expired there is kept.
func (c *comparison) missing(ctx context.Context, event *events.Event) error {
	in, version, rewound, uid, key := c.ingest, c.version, c.rewound, event.UID, KeyOf(event)
	gone := func(stored *events.Event) bool {
		switch host := stored.Host; {
		case stored.UID != uid, host.Version == 0, host.Pending:
			return false
		case host.Version > version && !rewound:
			return false // made after the list
		}
		return !expiredInHost(lastWritten(stored), in.bridge.config.Now(), in.bridge.config.HostTTL)
	}
	if !gone(event) {
		return nil
	}
	return in.pipeline.Enqueue(ctx, key.String(), 0, 0, func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		return in.bridge.config.Local.Delete(ctx, key, gone)
	})
}

// storedEvents iterates all stored events, page by page.
type storedEvents struct {
	local        Local
	limit        *pageLimit
	page         []events.Event
	continueFrom string
	ended        bool
}

// peek returns the next event without moving to it, or nil at the end.
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
		s.limit.observe(len(page), sizeOfAll(page))
	}
	return &s.page[0], nil
}

// next moves behind the event that peek returned.
func (s *storedEvents) next() { s.page = s.page[1:] }

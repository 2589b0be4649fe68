// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// ttlSlack is how much earlier than its time to live an event of the host may
// seem to end, since our clock is not the host's: a minute, but no more than a
// twentieth of the time to live.
func ttlSlack(ttl time.Duration) time.Duration { return min(time.Minute, ttl/20) }

// expiredInHost tells whether an event that the host last wrote at the time and
// does not have any more has only reached the host's time to live. The host
// removes nothing before that time, so one that is gone earlier was deleted by
// somebody. One that is gone later may have been, too, and is kept.
func expiredInHost(written, now time.Time, ttl time.Duration) bool {
	return now.Sub(written) >= ttl-ttlSlack(ttl)
}

// lastWritten is when the host last wrote the event, as far as it is known.
func lastWritten(event *events.Event) time.Time {
	written := time.Unix(event.Host.WrittenAt, 0)
	if event.CreationTimestamp.After(written) {
		written = event.CreationTimestamp.Time
	}
	return written
}

// lastObserved is from when the age of the event counts: it was last seen, or
// written, then.
func lastObserved(event *events.Event) time.Time {
	latest := lastWritten(event)
	for _, each := range []time.Time{event.EventTime.Time, event.DeprecatedFirstTimestamp.Time, event.DeprecatedLastTimestamp.Time} {
		if each.After(latest) {
			latest = each
		}
	}
	if series := event.Series; series != nil && series.LastObservedTime.After(latest) {
		latest = series.LastObservedTime.Time
	}
	return latest
}

// lifeLeft is how long the event is still kept, nothing if it is past that. What
// a client claims to have seen in the future counts as now.
func lifeLeft(event *events.Event, now time.Time, retention time.Duration) time.Duration {
	age := max(now.Sub(lastObserved(event)), 0)
	return max(retention-age, 0)
}

// MayBeFree tells whether the host may have no event under the name of the
// stored one: somebody may have deleted it there a moment ago. An event that has
// reached the host's time to live is kept here with its name.
func (b *Bridge) MayBeFree(stored *events.Event) bool {
	return stored.Host.Version != 0 && !stored.Host.Pending && !expiredInHost(lastWritten(stored), b.config.Now(), b.config.HostTTL)
}

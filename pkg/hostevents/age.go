// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// ttlSlack is how much earlier than after its time to live an event of the host may
// seem to end, because the clocks differ: a minute, but no more than a twentieth of
// the time to live.
func ttlSlack(ttl time.Duration) time.Duration { return min(time.Minute, ttl/20) }

// expiredInHost reports whether an event that the host last wrote at the given time,
// and does not have any more, may have expired there. The host removes nothing before
// its time to live, so an event that is gone earlier was deleted. One that is gone
// later may have been deleted, too, and is kept.
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

// lastObserved is the time from which the age of the event counts: when it was last
// observed or written.
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

// remainingTTL is how long the event is still kept, zero if that is over. A time of
// observation in the future counts as now.
func remainingTTL(event *events.Event, now time.Time, retention time.Duration) time.Duration {
	age := max(now.Sub(lastObserved(event)), 0)
	return max(retention-age, 0)
}

// expiredInHost reports whether the stored event has reached the host's time to live.
func (b *Bridge) expiredInHost(stored *events.Event) bool {
	return expiredInHost(lastWritten(stored), b.config.Now(), b.config.HostTTL)
}

// ExpiredInHost reports whether the host has let the stored event expire, judged by
// its age. Such an event is kept here, and its name is free.
func (b *Bridge) ExpiredInHost(stored *events.Event) bool {
	return !stored.Host.Pending && b.expiredInHost(stored)
}

// NameMayBeFree reports whether the host may have no event with the name of the
// stored one: it has expired there, or was deleted there a moment ago.
func (b *Bridge) NameMayBeFree(stored *events.Event) bool {
	return !stored.Host.Pending && (stored.Host.Version != 0 || b.expiredInHost(stored))
}

// leaseGranularity is how much longer than its time to live an event may stay in the
// host if nothing fails: events of one minute share a lease in etcd.
const leaseGranularity = 2 * time.Minute

// NameIsFree reports whether the host has no event with the name of the stored one
// any more, as far as is known without asking it.
func (b *Bridge) NameIsFree(stored *events.Event) bool {
	return !stored.Host.Pending && b.config.Now().Sub(lastWritten(stored)) >= b.config.HostTTL+leaseGranularity
}

// recurred reports whether an event was observed after the host last wrote it.
func recurred(event *events.Event) bool {
	return event.Series != nil && event.Series.LastObservedTime.After(lastWritten(event))
}

// maxLeaseTTLs is how many times its time to live an event may stay in the host:
// leases in etcd start again when its leader changes, which is rare.
const maxLeaseTTLs = 2

// goneInHost reports whether the host certainly has no such event any more, so that
// it need not be asked. That is false for an event that is still to be made there.
func (b *Bridge) goneInHost(stored *events.Event) bool {
	return !stored.Host.Pending && b.config.Now().Sub(lastWritten(stored)) >= maxLeaseTTLs*b.config.HostTTL+time.Minute
}

// staysLocal reports whether a change stays here: the host has no such event any
// more, and the change is not a new occurrence.
func (b *Bridge) staysLocal(event *events.Event) bool {
	return b.goneInHost(event) && !recurred(event)
}

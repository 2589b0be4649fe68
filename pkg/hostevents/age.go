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

// expiredInHost tells whether the stored event has reached the host's time to live.
func (b *Bridge) expiredInHost(stored *events.Event) bool {
	return expiredInHost(lastWritten(stored), b.config.Now(), b.config.HostTTL)
}

// ExpiredInHost tells whether the host has let the stored event expire, as far as
// its age says: kept here, it does not hold its name any more.
func (b *Bridge) ExpiredInHost(stored *events.Event) bool {
	return !stored.Host.Pending && b.expiredInHost(stored)
}

// MayBeFree tells whether the host may have no event under the name of the stored
// one: it has let it expire, or somebody deleted it there a moment ago.
func (b *Bridge) MayBeFree(stored *events.Event) bool {
	return !stored.Host.Pending && (stored.Host.Version != 0 || b.expiredInHost(stored))
}

// leaseShared is by how much an event may outlive its time to live in the host
// where nothing fails: events of a minute share one of etcd's leases.
const leaseShared = 2 * time.Minute

// IsFree tells whether the host has no event under the name of the stored one by
// now, as far as can be told without asking it.
func (b *Bridge) IsFree(stored *events.Event) bool {
	return !stored.Host.Pending && b.config.Now().Sub(lastWritten(stored)) >= b.config.HostTTL+leaseShared
}

// happenedAgain tells whether an event was observed after the host last wrote it.
func happenedAgain(event *events.Event) bool {
	return event.Series != nil && event.Series.LastObservedTime.After(lastWritten(event))
}

// leasesRenewed is how many times its time to live an event may stay in the host:
// etcd's leases start again when its leader changes, which is rare.
const leasesRenewed = 2

// forgottenInHost tells whether the host has surely no such event any more, so
// that it need not be asked. It has not if it never had: an event that waits to be
// made there is not forgotten.
func (b *Bridge) forgottenInHost(stored *events.Event) bool {
	return !stored.Host.Pending && b.config.Now().Sub(lastWritten(stored)) >= leasesRenewed*b.config.HostTTL+time.Minute
}

// hostNeedNotKnow tells a change of an event that the host has forgotten, and which
// does not say that it happened again.
func (b *Bridge) hostNeedNotKnow(event *events.Event) bool {
	return b.forgottenInHost(event) && !happenedAgain(event)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"math/rand/v2"
	"time"
)

// moment is the phase of a process in which it is killed.
type moment int

const (
	// underLoad is while all writers write.
	underLoad moment = iota
	// duringStart is before it is ready.
	duringStart
	// duringCompaction is about when it removes old revisions.
	duringCompaction
	// duringStop is after it was asked to stop.
	duringStop
	// never is a server that is asked to stop and not killed.
	never
)

func (m moment) String() string {
	return [...]string{"under load", "during start", "around compaction", "during stop", "by a clean stop"}[m]
}

// round is the life of one process.
type round struct {
	moment moment
	// after is the time until the kill: from the start of the process
	// (duringStart), from when a compaction is due (duringCompaction), from the
	// request to stop (duringStop), or else from when the writers begin.
	after time.Duration
	// stopAfter is, for duringStop and never, how long the writers write before.
	stopAfter time.Duration
	// ttl is the time to live of events written in this round, compaction is for how long
	// the server retains old revisions.
	ttl, compaction time.Duration
}

const (
	// shortCompaction is the shortest retention of any round. All clients must resume within
	// it after a restart.
	shortCompaction = 3 * time.Second
	// longCompaction is longer than most rounds.
	longCompaction = 20 * time.Second
	// longTTL is longer than any test.
	longTTL = 100 * time.Hour
	// stopTime is about how long a clean stop takes.
	stopTime = 2500 * time.Millisecond
)

// plan is a random sequence of rounds.
type plan struct{ random *rand.Rand }

// next returns a random round. A start takes about startTime.
func (p plan) next(startTime time.Duration) round {
	r := round{ttl: longTTL, compaction: longCompaction}
	if p.random.IntN(4) == 0 {
		r.ttl = time.Duration(2+p.random.IntN(4)) * time.Second
	}
	switch n := p.random.IntN(100); {
	case n < 50:
		r.moment, r.after = underLoad, p.below(1500*time.Millisecond)
	case n < 68:
		r.moment, r.after = duringStart, p.below(startTime)
	case n < 83:
		// On a slow machine watches need longer, too.
		r.moment, r.compaction, r.after = duringCompaction, shortCompaction+4*startTime, p.below(150*time.Millisecond)
	case n < 94:
		r.moment, r.stopAfter, r.after = duringStop, p.below(time.Second), p.below(stopTime)
	default:
		r.moment, r.stopAfter = never, p.below(time.Second)
	}
	return r
}

func (p plan) below(d time.Duration) time.Duration {
	return time.Duration(p.random.Int64N(max(int64(d), 1)))
}

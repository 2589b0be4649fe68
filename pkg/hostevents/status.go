// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"sync"
	"time"
)

// Status tells how the bridge is doing.
type Status struct {
	Mode Mode
	// Leading tells whether this process takes in and works on the queue.
	Leading bool
	// Connected tells whether the watch of the host is open.
	Connected bool
	// Lag is for how long the oldest change that was received has not been stored
	// yet, or for how long there has been no watch.
	Lag time.Duration
	// Queue is the number of events that wait to be made equal in the host, as
	// last counted by the leader.
	Queue int
	// HostAway tells that writes go to the queue, since the host fails.
	HostAway bool
	// VersionsAhead tells that our resource versions were above the host's when the
	// host was last compared, at each start of the watch of it.
	VersionsAhead bool
	// LastSuccess is when the host last answered a mirrored write, or when a
	// change of it was last taken in; zero if never.
	LastSuccess time.Time
	// LastFailure is the last failure to reach the host, and when; empty if none.
	LastFailure   string
	LastFailureAt time.Time

	// The rest counts since the start.

	Mirrored, MirrorRefused, MirrorFailed, Postponed, TakenIn, Lists, WatchFailures, Settled, SettleRefused uint64
}

// state gathers a Status.
type state struct {
	now func() time.Time

	mutex    sync.Mutex
	status   Status
	lostAt   time.Time
	inFlight func() time.Time
}

func newState(now func() time.Time) *state { return &state{now: now} }

// Status returns how the bridge is doing now.
func (b *Bridge) Status() Status {
	b.state.mutex.Lock()
	defer b.state.mutex.Unlock()
	status := b.state.status
	status.Mode = b.config.Mode
	status.HostAway = b.breaker.Open()
	status.Lag = b.state.lag()
	return status
}

// lag is called with the mutex held.
func (s *state) lag() time.Duration {
	if !s.status.Leading {
		return 0
	}
	since := s.lostAt
	if s.inFlight != nil {
		if oldest := s.inFlight(); !oldest.IsZero() && (since.IsZero() || oldest.Before(since)) {
			since = oldest
		}
	}
	if since.IsZero() {
		return 0
	}
	return max(s.now().Sub(since), 0)
}

func (s *state) change(with func(*Status)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	with(&s.status)
}

// mirrored notes an answer of the host; err is what it said against the write.
func (s *state) mirrored(err error) {
	s.change(func(status *Status) {
		status.LastSuccess = s.now()
		if err != nil {
			status.MirrorRefused++
			return
		}
		status.Mirrored++
	})
}

func (s *state) mirrorFailed(err error) {
	s.change(func(status *Status) {
		status.MirrorFailed++
		status.LastFailure, status.LastFailureAt = err.Error(), s.now()
	})
}

func (s *state) tookIn() {
	s.change(func(status *Status) {
		status.TakenIn++
		status.LastSuccess = s.now()
	})
}

func (s *state) watchFailed(err error) {
	s.change(func(status *Status) {
		status.WatchFailures++
		status.LastFailure, status.LastFailureAt = err.Error(), s.now()
	})
}

// connected notes that the watch was opened or lost.
func (s *state) connected(connected bool) {
	s.change(func(status *Status) { status.Connected = connected })
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if connected {
		s.lostAt = time.Time{}
	} else if s.lostAt.IsZero() {
		s.lostAt = s.now()
	}
}

// leading notes that this process has become the leader, or ceased to be it.
// Oldest returns when the oldest change that is not stored yet was received.
func (s *state) leading(leading bool, oldest func() time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.status.Leading, s.inFlight = leading, oldest
	s.status.Connected, s.lostAt = false, s.now()
}

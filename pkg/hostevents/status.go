// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"sync"
	"time"
)

// Status is the state of the bridge.
type Status struct {
	Mode Mode
	// Leading is set if this process ingests and drains the outbox.
	Leading bool
	// Connected is set while the watch of the host is open.
	Connected bool
	// Lag is the age of the oldest change that was received and is not stored yet, or
	// how long there has been no watch.
	Lag time.Duration
	// Queue is the number of records in the outbox, as last counted by the leader.
	Queue int
	// HostAvailable is false while writes go to the outbox at once because the host
	// fails.
	HostAvailable bool
	// VersionsAhead is set if the resource versions of this server were above the
	// host's when they were last compared, at each start of the watch.
	VersionsAhead bool
	// LastSuccess is when the host last answered a mirrored write, or when a
	// change of it was last ingested; zero if never.
	LastSuccess time.Time
	// LastFailure is the last failure to reach the host, and when; empty if none.
	LastFailure   string
	LastFailureAt time.Time

	// The rest are counters from the start of the process.

	Mirrored, MirrorRefused, MirrorFailed, Postponed, Ingested, Lists, WatchFailures, Drained, DrainRejected uint64
}

// state collects a Status.
type state struct {
	now func() time.Time

	mutex    sync.Mutex
	status   Status
	lostAt   time.Time
	inFlight func() time.Time
}

func newState(now func() time.Time) *state { return &state{now: now} }

// Status returns the current state of the bridge.
func (b *Bridge) Status() Status {
	b.state.mutex.Lock()
	defer b.state.mutex.Unlock()
	status := b.state.status
	status.Mode = b.config.Mode
	status.HostAvailable = !b.breaker.Open()
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

// mirrored records an answer of the host; err is its reason to refuse the write.
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

func (s *state) ingested() {
	s.change(func(status *Status) {
		status.Ingested++
		status.LastSuccess = s.now()
	})
}

func (s *state) watchFailed(err error) {
	s.change(func(status *Status) {
		status.WatchFailures++
		status.LastFailure, status.LastFailureAt = err.Error(), s.now()
	})
}

// connected records that the watch was opened or lost.
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

// leading records that this process has become the leader or is no longer. Oldest
// returns when the oldest change that is not stored yet was received.
func (s *state) leading(leading bool, oldest func() time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.status.Leading, s.inFlight = leading, oldest
	s.status.Connected, s.lostAt = false, s.now()
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scheduleEvery is how often the scheduler looks by itself whether a compaction
// waits that may begin, at least. Pebble's own does so, too.
const scheduleEvery = 100 * time.Millisecond

// scheduler lets Pebble begin compactions as Pebble's own does, as many at a time
// as Options.CompactionConcurrencyRange allows, but none before the data is open.
// For Pebble waits for those that run before it looks for files that nobody
// needs, near the end of opening: after a crash under load that took seconds.
//
// Pebble calls TrySchedule and UpdateGetAllowedWithoutPermission with locks of
// its own held, which most methods of pebble.DBForCompaction take; those are
// called by one goroutine of the scheduler only.
type scheduler struct {
	db pebble.DBForCompaction

	lock    sync.Mutex
	opened  bool
	stopped bool
	// begun counts the compactions that were let begin and have not ended.
	begun int

	look chan struct{}
	stop chan struct{}
	done chan struct{}
}

func newScheduler() *scheduler {
	return &scheduler{look: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}

// Register implements pebble.CompactionScheduler.
func (s *scheduler) Register(_ int, db pebble.DBForCompaction) {
	s.db = db
	go s.run()
}

// Unregister implements pebble.CompactionScheduler.
func (s *scheduler) Unregister() {
	s.lock.Lock()
	s.stopped = true
	s.lock.Unlock()
	close(s.stop)
	<-s.done
}

// TrySchedule implements pebble.CompactionScheduler.
func (s *scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	if !s.take() {
		return false, nil
	}
	return true, grant{s}
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler.
func (s *scheduler) UpdateGetAllowedWithoutPermission() { s.lookSoon() }

// open is called when the data is open.
func (s *scheduler) open() {
	s.lock.Lock()
	s.opened = true
	s.lock.Unlock()
	s.lookSoon()
}

// abandon is called instead when it could not be opened: Pebble then may have
// registered and does not unregister.
func (s *scheduler) abandon() {
	if s.db != nil {
		s.Unregister()
	}
}

func (s *scheduler) lookSoon() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// take reports whether one more compaction may begin, and counts it.
func (s *scheduler) take() bool {
	allowed := s.db.GetAllowedWithoutPermission()
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.opened || s.stopped || s.begun >= allowed {
		return false
	}
	s.begun++
	return true
}

func (s *scheduler) giveBack() {
	s.lock.Lock()
	s.begun--
	s.lock.Unlock()
}

// run begins what waits whenever it may.
func (s *scheduler) run() {
	defer close(s.done)
	ticker := time.NewTicker(scheduleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.look:
		case <-ticker.C:
		case <-s.stop:
			return
		}
		for s.beginOne() {
		}
	}
}

func (s *scheduler) beginOne() bool {
	if !s.take() {
		return false
	}
	if waiting, _ := s.db.GetWaitingCompaction(); waiting && s.db.Schedule(grant{s}) {
		return true
	}
	s.giveBack()
	return false
}

// grant is the permission of one compaction.
type grant struct{ scheduler *scheduler }

// Done implements pebble.CompactionGrantHandle.
func (g grant) Done() {
	g.scheduler.giveBack()
	g.scheduler.lookSoon()
}

// Started implements pebble.CompactionGrantHandle.
func (grant) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (grant) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (grant) CumulativeStats(pebble.CompactionGrantHandleStats) {}

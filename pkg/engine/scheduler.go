// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scheduleEvery is how often the scheduler looks by itself whether a compaction
// waits that may begin, at least. Pebble's own does so, too.
const scheduleEvery = 100 * time.Millisecond

// levelZeroBehind is from how many files at level 0 on, one above the other,
// compactions let nobody go first: soon after, Pebble would stop all writes.
const levelZeroBehind = levelZeroTables * 3 / 2

// scheduler lets Pebble begin compactions as Pebble's own does, as many at a time
// as Options.CompactionConcurrencyRange allows, but none before the data is open.
// For Pebble waits for those that run before it looks for files that nobody
// needs, near the end of opening: after a crash under load that took seconds.
//
// While compactions keep up, they let others go first, every hundred rows or so.
// The Go runtime would let each have a processor for ten milliseconds, twenty
// times as long as an fsync takes, for which writers and readers wait.
//
// Pebble calls TrySchedule and UpdateGetAllowedWithoutPermission with locks of
// its own held, which most methods of pebble.DBForCompaction take; those are
// called by one goroutine of the scheduler only.
type scheduler struct {
	db pebble.DBForCompaction
	// letOthers gives the processor away and comes back.
	letOthers func()
	// behind is set while compactions do not keep up.
	behind atomic.Bool

	lock sync.Mutex
	// depth tells how many files level 0 has, one above the other. It is nil until
	// the data is open.
	depth   func() int
	stopped bool
	// held is set while a compaction is being called off. stale is set with it, and
	// until Pebble's files have changed after that: what Pebble has chosen to begin
	// next may be what was called off.
	held, stale bool
	// enough tells of a compaction after which callOff is called and held is set.
	enough  func(*pebble.CompactionInfo) bool
	callOff func()
	// begun counts the compactions that were let begin and have not ended.
	begun int

	look chan struct{}
	stop chan struct{}
	done chan struct{}
}

func newScheduler() *scheduler {
	return &scheduler{letOthers: runtime.Gosched, look: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
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

// open is called when the data is open. No lock is held when depth is called.
func (s *scheduler) open(depth func() int) {
	s.lock.Lock()
	s.depth = depth
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
	if s.depth == nil || s.stopped || s.stale || s.begun >= allowed {
		return false
	}
	s.begun++
	return true
}

// hold lets no compaction begin until release was called and Pebble's files have
// changed after that.
func (s *scheduler) hold() {
	s.lock.Lock()
	s.held, s.stale = true, true
	s.lock.Unlock()
}

// holdAfter does so when a compaction has ended of which enough holds, and calls
// callOff then, which must not take long.
func (s *scheduler) holdAfter(enough func(*pebble.CompactionInfo) bool, callOff func()) {
	s.lock.Lock()
	s.enough, s.callOff = enough, callOff
	s.lock.Unlock()
}

// release reports whether there is anything to wait for.
func (s *scheduler) release() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	held := s.held
	s.held, s.enough, s.callOff = false, nil, nil
	return held
}

// compacted is told of the end of each compaction. Pebble holds locks of its own.
func (s *scheduler) compacted(info pebble.CompactionInfo) {
	s.filesChanged()
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.enough != nil && s.enough(&info) {
		s.held, s.stale = true, true
		s.callOff()
	}
}

// filesChanged is told when Pebble has a new list of files. Pebble holds locks of
// its own.
func (s *scheduler) filesChanged() {
	s.lock.Lock()
	s.stale = s.held
	s.lock.Unlock()
	s.lookSoon()
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
			s.lookHowDeep()
		case <-s.stop:
			return
		}
		for s.beginOne() {
		}
	}
}

func (s *scheduler) lookHowDeep() {
	s.lock.Lock()
	depth := s.depth
	s.lock.Unlock()
	if depth != nil {
		s.behind.Store(depth() >= levelZeroBehind)
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

// CumulativeStats implements pebble.CompactionGrantHandle. Pebble calls it while
// the compaction goes on, without a lock, and allows that it takes long.
func (g grant) CumulativeStats(pebble.CompactionGrantHandleStats) {
	if !g.scheduler.behind.Load() {
		g.scheduler.letOthers()
	}
}

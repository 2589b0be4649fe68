// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// compactingDB has compactions to do, as Pebble has, and keeps a lock over its
// calls of the scheduler, as Pebble does.
type compactingDB struct {
	scheduler *scheduler
	allowed   int

	lock    sync.Mutex
	pending int
	waiting bool
	running []pebble.CompactionGrantHandle
	most    int
}

func (d *compactingDB) GetAllowedWithoutPermission() int { return d.allowed }

func (d *compactingDB) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.waiting = d.waiting && d.pending > 0
	return d.waiting, pebble.WaitingCompaction{}
}

func (d *compactingDB) Schedule(handle pebble.CompactionGrantHandle) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	if !d.waiting || d.pending == 0 {
		return false
	}
	d.begin(handle)
	return true
}

func (d *compactingDB) begin(handle pebble.CompactionGrantHandle) {
	d.pending--
	d.running = append(d.running, handle)
	d.most = max(d.most, len(d.running))
}

// flushed adds a compaction and begins what may begin.
func (d *compactingDB) flushed() {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.pending++
	d.scheduler.UpdateGetAllowedWithoutPermission()
	for !d.waiting && d.pending > 0 {
		granted, handle := d.scheduler.TrySchedule()
		if !granted {
			d.waiting = true
			return
		}
		d.begin(handle)
	}
}

// compacted ends a compaction if one runs.
func (d *compactingDB) compacted() bool {
	d.lock.Lock()
	if len(d.running) == 0 {
		d.lock.Unlock()
		return false
	}
	handle := d.running[0]
	d.running = d.running[1:]
	d.lock.Unlock()
	handle.Done()
	return true
}

func (d *compactingDB) counts() (running, pending int) {
	d.lock.Lock()
	defer d.lock.Unlock()
	return len(d.running), d.pending
}

func noDepth() int { return 0 }

func newCompactingDB(allowed int) *compactingDB {
	db := &compactingDB{scheduler: newScheduler(), allowed: allowed}
	db.scheduler.Register(2, db)
	return db
}

func TestScheduler_BeginsNothingBeforeTheDataIsOpen(t *testing.T) {
	t.Parallel()
	db := newCompactingDB(2)
	defer db.scheduler.Unregister()
	db.flushed()
	for range 3 {
		// Each is a look of the scheduler at what waits.
		if db.scheduler.beginOne() {
			t.Fatal("a compaction began before the data was open")
		}
	}
	if running, pending := db.counts(); running != 0 || pending != 1 {
		t.Fatalf("%d compactions run and %d wait, want 0 and 1", running, pending)
	}
	db.scheduler.open(noDepth)
	eventually(t, func() error {
		if running, pending := db.counts(); running != 1 {
			return fmt.Errorf("%d compactions run and %d wait", running, pending)
		}
		return nil
	})
}

func TestScheduler_BeginsAllThatWaitsAsManyAtATimeAsAllowed(t *testing.T) {
	t.Parallel()
	const flushes, allowed = 2000, 2
	db := newCompactingDB(allowed)
	db.scheduler.open(noDepth)
	var running sync.WaitGroup
	running.Go(func() {
		for range flushes {
			db.flushed()
		}
	})
	for range allowed {
		running.Go(func() {
			for ended, deadline := 0, time.Now().Add(time.Minute); ended < flushes/allowed && time.Now().Before(deadline); {
				if db.compacted() {
					ended++
				}
			}
		})
	}
	running.Wait()
	if running, pending := db.counts(); running != 0 || pending != 0 {
		t.Errorf("%d compactions run and %d wait at the end", running, pending)
	}
	if db.most > allowed {
		t.Errorf("%d compactions ran at once, %d are allowed", db.most, allowed)
	}
	db.scheduler.Unregister()
	db.flushed()
	if db.scheduler.beginOne() {
		t.Error("a compaction began after the end")
	}
	if running, pending := db.counts(); running != 0 || pending != 1 {
		t.Errorf("%d compactions run and %d wait after the end, want 0 and 1", running, pending)
	}
}

func TestScheduler_LetsOthersGoFirstUntilItIsBehind(t *testing.T) {
	t.Parallel()
	yields := 0
	s := newScheduler()
	s.letOthers = func() { yields++ }
	s.lookHowDeep() // nothing is known before the data is open
	depth := 0
	s.open(func() int { return depth })
	for _, step := range []struct{ depth, yields int }{
		{0, 1},
		{levelZeroTables, 2}, // as deep as it gets by design
		{levelZeroBehind - 1, 3},
		{levelZeroBehind, 3},
		{2*levelZeroTables - 1, 3},
		{levelZeroTables, 4},
	} {
		depth = step.depth
		s.lookHowDeep()
		grant{s}.CumulativeStats(pebble.CompactionGrantHandleStats{})
		if yields != step.yields {
			t.Errorf("with %d files at level 0 others went first %d times by now, want %d", step.depth, yields, step.yields)
		}
	}
}

func TestScheduler_IsGivenUpWithTheDataThatCouldNotBeOpened(t *testing.T) {
	t.Parallel()
	newScheduler().abandon()
	db := newCompactingDB(1)
	db.scheduler.abandon()
	if granted, _ := db.scheduler.TrySchedule(); granted {
		t.Error("a compaction began after the end")
	}
}

func TestScheduler_BeginsNothingThatMayBeCalledOff(t *testing.T) {
	t.Parallel()
	levelZero := func(info *pebble.CompactionInfo) bool { return info.Input[0].Level == 0 }
	ended := func(level int) pebble.CompactionInfo {
		return pebble.CompactionInfo{Input: []pebble.LevelInfo{{Level: level}}}
	}
	db := newCompactingDB(1)
	s := db.scheduler
	s.open(noDepth)
	s.Unregister() // the test looks instead
	s.stopped = false
	calledOff := 0
	may := func(step string, want bool) {
		t.Helper()
		granted, handle := s.TrySchedule()
		if granted {
			handle.Done()
		}
		if granted != want {
			t.Fatalf("%s: a compaction may begin: %t, want %t", step, granted, want)
		}
	}
	may("at first", true)
	s.holdAfter(levelZero, func() { calledOff++ })
	s.compacted(ended(3))
	may("another one ended", true)
	s.compacted(ended(0))
	may("the one ended", false)
	s.filesChanged()
	may("files changed while it is called off", false)
	if !s.release() {
		t.Fatal("nothing was held")
	}
	may("called off, and files are as before", false)
	s.filesChanged()
	may("files changed after that", true)
	s.compacted(ended(0))
	may("nobody waits for it any more", true)
	if calledOff != 1 {
		t.Errorf("called off %d times", calledOff)
	}
	if s.release() {
		t.Error("there is nothing to wait for, and it says there is")
	}
}

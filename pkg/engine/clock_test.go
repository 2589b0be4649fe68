// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const day = 24 * time.Hour

// TestDeadlineClock moves the wall clock, and sees by which times keys are due and
// get their deadlines.
func TestDeadlineClock(t *testing.T) {
	t.Parallel()
	// step is some time that passes, a jump at its end, and what is then to be seen:
	// the due time and the later one, as distances from the time that has passed.
	type step struct {
		pass, jump time.Duration
		due, later time.Duration
		change     clockChange
	}
	for name, test := range map[string]struct {
		hold  time.Duration
		steps []step
	}{
		"a clock that goes": {time.Hour, []step{{pass: 90 * day}, {pass: time.Second}}},
		"small jumps": {time.Hour, []step{
			{time.Second, 50 * time.Minute, 50 * time.Minute, 50 * time.Minute, clockSteady},
			{time.Second, -50 * time.Minute, 0, 0, clockSteady},
			{time.Second, -50 * time.Minute, -50 * time.Minute, -50 * time.Minute, clockSteady},
		}},
		"ahead for three seconds": {time.Hour, []step{
			{time.Second, 7 * day, 0, 7 * day, clockHeld},
			{3 * time.Second, 0, 0, 7 * day, clockSteady},
			{time.Second, -7 * day, 0, 0, clockReturned},
			{2 * time.Hour, 0, 0, 0, clockSteady},
		}},
		"ahead for good": {time.Hour, []step{
			{time.Second, 7 * day, 0, 7 * day, clockHeld},
			{59 * time.Minute, 0, 0, 7 * day, clockSteady},
			{time.Minute, 0, 7 * day, 7 * day, clockBelieved},
			{time.Minute, 0, 7 * day, 7 * day, clockSteady},
		}},
		"back for good": {time.Hour, []step{
			{time.Second, -7 * day, -7 * day, 0, clockHeld},
			{59 * time.Minute, 0, -7 * day, 0, clockSteady},
			{time.Minute, 0, -7 * day, -7 * day, clockBelieved},
		}},
		"ahead and further ahead": {time.Hour, []step{
			{time.Second, 2 * day, 0, 2 * day, clockHeld},
			{59 * time.Minute, 2 * day, 0, 4 * day, clockHeld},
			{59 * time.Minute, 0, 0, 4 * day, clockSteady},
			{time.Minute, 0, 4 * day, 4 * day, clockBelieved},
		}},
		"ahead, back, and ahead again": {time.Hour, []step{
			{time.Second, 2 * day, 0, 2 * day, clockHeld},
			{59 * time.Minute, -2 * day, 0, 0, clockReturned},
			{time.Second, 2 * day, 0, 2 * day, clockHeld},
			{59 * time.Minute, 0, 0, 2 * day, clockSteady},
		}},
		"believed at once": {-1, []step{
			{time.Second, 7 * day, 7 * day, 7 * day, clockSteady},
			{time.Second, -14 * day, -7 * day, -7 * day, clockSteady},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall, elapsed := newClock(), time.Duration(0)
			c := newDeadlineClock(Config{Now: wall.now, ClockJumpHold: test.hold, elapsed: func() time.Duration { return elapsed }})
			begun := wall.now()
			for i, step := range test.steps {
				elapsed += step.pass
				wall.advance(step.pass + step.jump)
				// Reads do not wait for the clock to be observed.
				wantDue := step.due
				if step.change == clockBelieved {
					wantDue = min(wantDue, 0)
					if step.later < 0 {
						wantDue = step.due
					}
				}
				if due := timeOf(c.due()).Sub(begun.Add(elapsed)); due != wantDue {
					t.Errorf("step %d: due is what is up to %v from where the clock was going, want %v", i, due, wantDue)
				}
				if change, _ := c.observe(); change != step.change {
					t.Errorf("step %d: change %d, want %d", i, change, step.change)
				}
				due, later := timeOf(c.due()).Sub(begun.Add(elapsed)), c.later().Sub(begun.Add(elapsed))
				if due != step.due || later != step.later {
					t.Errorf("step %d: the times are %v and %v from where the clock was going, want %v and %v", i, due, later, step.due, step.later)
				}
			}
		})
	}
}

// jumpTest is an engine that runs in a bubble, with a clock that can jump.
type jumpTest struct {
	*testing.T
	jump   atomic.Int64
	config Config
	engine *Engine
	told   []string
}

// A bubble looks at all tickers of the time that it lets pass, so these are short.
const (
	timeToLive = 2 * time.Hour
	longJump   = 3 * time.Hour
	shortHold  = 10 * time.Minute
)

func newJumpTest(t *testing.T) *jumpTest {
	t.Helper()
	j := &jumpTest{T: t}
	j.config = Config{Dir: "data", FS: vfs.NewMem(), HistoryRetention: -1, ClockJumpHold: shortHold,
		Now: func() time.Time { return time.Now().Add(time.Duration(j.jump.Load())) },
		Listener: Listener{
			ClockJumped:  func(by time.Duration) { j.told = append(j.told, fmt.Sprint("jumped ", by.Round(time.Hour))) },
			ClockTrusted: func(_ time.Duration, stayed bool) { j.told = append(j.told, fmt.Sprint("stayed ", stayed)) },
		},
	}
	j.open()
	return j
}

func (j *jumpTest) open() {
	j.Helper()
	e, err := Open(j.config)
	if err != nil {
		j.Fatal(err)
	}
	j.engine = e
}

// write writes keys that live for timeToLive.
func (j *jumpTest) write(prefix string, keys int) {
	j.Helper()
	for n := range keys {
		op := Op{Key: fmt.Appendf(nil, "%s%05d", prefix, n), Value: []byte("v"), Deadline: j.engine.Deadline(timeToLive)}
		if _, err := j.engine.Commit(j.Context(), op); err != nil {
			j.Fatal(err)
		}
	}
}

// want compares what is listed and what is stored.
func (j *jumpTest) want(when string, listed, stored int) {
	j.Helper()
	got := 0
	if _, err := j.engine.List(j.Context(), Query{}, func(Record) bool { got++; return true }); err != nil {
		j.Fatal(err)
	}
	if stats := j.engine.Stats(); got != listed || stats.Keys != int64(stored) {
		j.Errorf("%s: %d keys are listed and %d stored, want %d and %d", when, got, stats.Keys, listed, stored)
	}
}

func (j *jumpTest) wantTold(want ...string) {
	j.Helper()
	if !slices.Equal(j.told, want) {
		j.Errorf("the listener was told %q, want %q", j.told, want)
	}
	j.told = nil
}

// A clock that is a week ahead for three seconds takes nothing away, and neither
// does it from what is written meanwhile.
func TestClockAheadForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJumpTest(t)
		defer closeEngine(t, j.engine)
		const keys = 2000
		j.write("before", keys)
		<-time.After(70 * time.Minute)
		j.jump.Store(int64(longJump))
		j.want("as soon as the clock is ahead", keys, keys)
		if _, _, err := j.engine.Get(t.Context(), []byte("before00000"), 0); err != nil {
			t.Errorf("get while the clock is ahead: %v", err)
		}
		if _, err := j.engine.Commit(t.Context(), Op{Key: []byte("before00000"), Value: []byte("v"), Expect: Absent()}); err == nil {
			t.Error("a key is created again while the clock is ahead")
		}
		j.write("meanwhile", 10)
		<-time.After(3 * time.Second)
		j.want("while the clock is ahead", keys+10, keys+10)
		if jump := j.engine.Stats().ClockJump; jump.Round(time.Hour) != longJump {
			t.Errorf("Stats has a jump of %v", jump)
		}
		j.jump.Store(0)
		<-time.After(2 * time.Second)
		j.want("when the clock is right again", keys+10, keys+10)
		if jump := j.engine.Stats().ClockJump; jump != 0 {
			t.Errorf("Stats still has a jump of %v", jump)
		}
		j.wantTold("jumped 3h0m0s", "stayed false")
		<-time.After(timeToLive - 71*time.Minute)
		j.want("before the deadline", keys+10, keys+10)
		<-time.After(2 * time.Minute)
		synctest.Wait()
		j.want("after the deadline", 10, 10)
	})
}

// A jump is believed when the clock has stayed there.
func TestClockAheadForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJumpTest(t)
		defer closeEngine(t, j.engine)
		j.write("before", 10)
		j.jump.Store(int64(longJump))
		<-time.After(time.Second)
		j.write("meanwhile", 10)
		<-time.After(shortHold - 3*time.Second)
		j.want("before the jump is believed", 20, 20)
		<-time.After(5 * time.Second)
		synctest.Wait()
		// What was written after the jump lives as long as if the clock was right.
		j.want("when it is", 10, 10)
		j.wantTold("jumped 3h0m0s", "stayed true")
		<-time.After(timeToLive - shortHold - 10*time.Second)
		j.want("before the later deadline", 10, 10)
		<-time.After(time.Minute)
		synctest.Wait()
		j.want("after it", 0, 0)
	})
}

// What is written while the clock is behind does not expire when it is right again.
func TestClockBackForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJumpTest(t)
		defer closeEngine(t, j.engine)
		j.write("before", 10)
		j.jump.Store(int64(-longJump))
		<-time.After(time.Second)
		j.write("meanwhile", 10)
		j.want("while the clock is behind", 20, 20)
		j.jump.Store(0)
		<-time.After(5 * time.Second)
		j.want("when it is right", 20, 20)
		j.wantTold("jumped -3h0m0s", "stayed false")
		<-time.After(timeToLive)
		synctest.Wait()
		j.want("after the deadlines", 0, 0)
	})
}

// A start with a clock that is far from where the directory was used last waits,
// whether it is the clock or the server that was away.
func TestClockAtTheStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stopped time.Duration
		jump    time.Duration
		kill    bool
		// waits says that the clock is held at the start.
		waits bool
	}{
		"a short stop":                     {stopped: 30 * time.Minute},
		"a long stop":                      {stopped: longJump, waits: true},
		"a clock that is ahead":            {stopped: time.Minute, jump: longJump, waits: true},
		"a clock that is behind":           {stopped: time.Minute, jump: -longJump, waits: true},
		"a clock that is ahead, killed":    {stopped: time.Minute, jump: longJump, kill: true, waits: true},
		"a clock that is right and killed": {stopped: time.Minute, kill: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				memory := vfs.NewCrashableMem()
				j := newJumpTest(t)
				closeEngine(t, j.engine)
				j.config.FS = memory
				j.open()
				// The time of Open is of no use any more; a killed one has left a newer one.
				<-time.After(70 * time.Minute)
				j.write("before", 10)
				if test.kill {
					j.config.FS = memory.CrashClone(vfs.CrashCloneCfg{})
				}
				closeEngine(t, j.engine)
				<-time.After(test.stopped)
				j.jump.Store(int64(test.jump))
				j.open()
				defer func() { closeEngine(t, j.engine) }()
				j.want("after the start", 10, 10)
				<-time.After(3 * time.Second)
				j.want("and when expiry has looked", 10, 10)
				if held := j.engine.Stats().ClockJump != 0; held != test.waits {
					t.Errorf("the clock is held: %v, want %v; told %q", held, test.waits, j.told)
				}
				// It starts again meanwhile, with the clock as it is.
				closeEngine(t, j.engine)
				j.open()
				j.want("after the second start", 10, 10)
				<-time.After(shortHold + 5*time.Second)
				synctest.Wait()
				if jump := j.engine.Stats().ClockJump; jump != 0 {
					t.Errorf("the clock is held still: %v", jump)
				}
				left := 10
				if test.stopped+test.jump > timeToLive {
					left = 0
				}
				j.want("when the clock has stayed", left, left)
			})
		})
	}
}

// Who restores an old snapshot does not want to wait for what has expired.
func TestClockAfterARestore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJumpTest(t)
		j.write("before", 10)
		var file bytes.Buffer
		_, err := j.engine.Snapshot(t.Context(), &file)
		if err != nil {
			t.Fatal(err)
		}
		closeEngine(t, j.engine)
		<-time.After(longJump)
		j.config.FS = vfs.NewMem()
		restored, err := Restore(t.Context(), RestoreConfig{Dir: "data", FS: j.config.FS}, &file)
		if err := errors.Join(err); err != nil || restored.Keys != 10 {
			t.Fatalf("%+v, %v", restored, err)
		}
		j.open()
		defer closeEngine(t, j.engine)
		<-time.After(2 * time.Second)
		synctest.Wait()
		j.want("after the start", 0, 0)
		j.wantTold()
	})
}

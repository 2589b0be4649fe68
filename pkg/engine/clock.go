// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// clockJump is how far the wall clock may be from where it is expected, ahead or
	// back, before it is taken to have jumped. Keys that expire an hour too early
	// were due soon; clocks that are set by NTP or drift stay far below.
	clockJump = time.Hour
	// saveClockEvery is how often the time is written to the directory.
	saveClockEvery = time.Minute
)

// deadlineClock is the wall clock, as far as it is trusted. A machine whose clock is
// wrong for some seconds, since it was suspended or NTP has not set it yet, must not
// make everything expire: that cannot be undone.
//
// Where the wall clock should be is known from an earlier reading and the monotonic
// time since. When the wall clock is more than clockJump from there, there are two
// times, until it comes back, or has stayed where it is for as long as hold. Until
// then keys are due by the earlier one and get their deadlines by the later one, so
// that whichever is right, none lives shorter than it was to.
type deadlineClock struct {
	wall    func() time.Time
	elapsed func() time.Duration
	// hold is negative when each jump is believed at once.
	hold time.Duration

	// anchor is the last reading that was trusted.
	anchor atomic.Pointer[clockReading]
	// jumped is by how many nanoseconds the wall clock has jumped and is not trusted,
	// when it was looked at last.
	jumped atomic.Int64

	// observing guards held, the jump that is not believed yet.
	observing sync.Mutex
	held      *heldJump
}

// clockReading is what both clocks showed at a moment: nanoseconds since 1970, and
// since some moment.
type clockReading struct {
	wall    int64
	elapsed time.Duration
}

// heldJump is a jump of the wall clock, and when it was seen first.
type heldJump struct {
	by    time.Duration
	since time.Duration
}

// clockChange is what observing the clock has shown.
type clockChange int

const (
	clockSteady clockChange = iota
	// clockHeld is for a jump that was seen for the first time.
	clockHeld
	// clockReturned and clockBelieved end what clockHeld began.
	clockReturned
	clockBelieved
)

func newDeadlineClock(config Config) *deadlineClock {
	c := &deadlineClock{wall: config.Now, elapsed: config.elapsed, hold: config.ClockJumpHold}
	now := c.read()
	c.anchor.Store(&now)
	return c
}

// expect sets where the wall clock is expected to be now.
func (c *deadlineClock) expect(wall int64) {
	c.anchor.Store(&clockReading{wall: wall, elapsed: c.elapsed()})
}

func (c *deadlineClock) read() clockReading {
	return clockReading{wall: c.wall().UnixNano(), elapsed: c.elapsed()}
}

// look returns the wall clock and where it is expected, which is the same unless it
// has jumped. It may be called at any rate.
func (c *deadlineClock) look() (wall, expected int64) {
	now := c.read()
	by := c.jump(now)
	if c.hold < 0 || by.Abs() <= clockJump {
		return now.wall, now.wall
	}
	return now.wall, now.wall - int64(by)
}

// jump is how far a reading is from where the wall clock is expected.
func (c *deadlineClock) jump(now clockReading) time.Duration {
	anchor := c.anchor.Load()
	return time.Duration(now.wall - anchor.wall - int64(now.elapsed-anchor.elapsed))
}

// due is the time up to which deadlines have passed, in the form of deadlineOf.
func (c *deadlineClock) due() uint64 {
	wall, expected := c.look()
	return uint64(max(1, min(wall, expected)))
}

// later is the time from which a time to live counts.
func (c *deadlineClock) later() time.Time {
	wall, expected := c.look()
	return time.Unix(0, max(wall, expected))
}

// observe moves the anchor while the clock is trusted, and decides when a jump is
// believed. It must be called every second or so. By is the jump that the change is
// about.
func (c *deadlineClock) observe() (change clockChange, by time.Duration) {
	c.observing.Lock()
	defer c.observing.Unlock()
	now := c.read()
	by = c.jump(now)
	held := c.held
	switch {
	case c.hold < 0:
		c.trust(now)
		return clockSteady, 0
	case by.Abs() <= clockJump:
		c.trust(now)
		if held != nil {
			return clockReturned, held.by
		}
		return clockSteady, 0
	case held == nil || (by-held.by).Abs() > clockJump:
		c.held = &heldJump{by: by, since: now.elapsed}
		c.jumped.Store(int64(by))
		return clockHeld, by
	case now.elapsed-held.since >= c.hold:
		c.trust(now)
		return clockBelieved, held.by
	default:
		return clockSteady, 0
	}
}

func (c *deadlineClock) trust(now clockReading) {
	c.anchor.Store(&now)
	c.held = nil
	c.jumped.Store(0)
}

// observeClock observes, and calls the listener about a jump and its end.
func (e *Engine) observeClock() {
	listener := e.config.Listener
	switch change, by := e.clock.observe(); change {
	case clockHeld:
		if listener.ClockJumped != nil {
			listener.ClockJumped(by)
		}
	case clockReturned, clockBelieved:
		if listener.ClockTrusted != nil {
			listener.ClockTrusted(by, change == clockBelieved)
		}
	case clockSteady:
	}
}

// saveClock writes the time to the directory, for the next Open. It need not be on
// the disk at once: an earlier time lets the next Open wait where it need not.
func (e *Engine) saveClock() error {
	batch := e.db.NewBatch()
	err := setMeta(batch, metaClock, e.clock.due())
	if err == nil {
		err = e.db.Apply(batch, pebble.NoSync)
	}
	if closeErr := batch.Close(); err == nil {
		err = closeErr
	}
	return wrap("writing the time", err)
}

// loadClock expects the wall clock where it was when the directory was used last.
// A directory of an earlier build does not have it.
func (e *Engine) loadClock() error {
	numbers, err := readMeta(e.db, metaClock)
	if err != nil || len(numbers) == 0 {
		return err
	}
	if len(numbers) != 1 || numbers[0] > math.MaxInt64 {
		return fmt.Errorf("%w: the time of the last use cannot be read", ErrCorrupt)
	}
	e.clock.expect(int64(numbers[0])) //nolint:gosec // compared above
	return nil
}

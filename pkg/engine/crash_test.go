// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
)

//nolint:gochecknoglobals // flags of the test binary
var (
	crashSeed   = flag.Uint64("crash.seed", 0, "run TestCrash with this seed only")
	crashRounds = flag.Int("crash.rounds", 8, "crashes in each run of TestCrash")
)

// crashTest is one data directory that is crashed again and again while it is
// written to, and what was seen of it from outside.
type crashTest struct {
	*testing.T
	seed  uint64
	clock *clock
	fs    *vfs.MemFS

	mu sync.Mutex
	// seen are all changes that a subscriber was given, from the first one on.
	seen []Change
	// acknowledged are writes that Commit returned for; the subscriber may not
	// have seen the last ones.
	acknowledged map[Revision]Op
}

func TestCrash(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3, anySeed()}
	if *crashSeed != 0 {
		seeds = []uint64{*crashSeed}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			c := &crashTest{T: t, seed: seed, clock: newClock(), fs: vfs.NewCrashableMem(), acknowledged: map[Revision]Op{}}
			for round := range *crashRounds {
				c.round(uint64(round))
			}
			c.verify()
			if len(c.acknowledged) < 100**crashRounds {
				c.Errorf("only %d writes were acknowledged", len(c.acknowledged))
			}
		})
	}
}

func (c *crashTest) open() *Engine {
	c.Helper()
	e, err := Open(Config{Dir: "data", FS: c.fs, Indexes: testIndexes(), HistoryRetention: -1,
		Now: c.clock.now, ChangeBufferBytes: 1 << 14, MemTableBytes: 64 << 10, manual: true})
	if err != nil {
		c.Fatalf("open: %v", err)
	}
	return e
}

// round verifies what the last crash left, writes to it, and crashes it.
func (c *crashTest) round(round uint64) {
	c.verify()
	e := c.open()
	before := len(c.acknowledged)
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { c.follow(ctx, e) })
	for writer := range uint64(8) {
		running.Go(func() { c.write(ctx, e, newRand(c.seed, round<<8|writer)) })
	}
	running.Go(func() { c.maintain(ctx, e, newRand(c.seed, round<<8|100)) })

	random := newRand(c.seed, round<<8|200)
	enough := 150 + random.IntN(1500)
	c.waitFor(func() bool { return len(c.acknowledged) >= before+enough })
	crashed := c.crash(random)

	cancel()
	running.Wait()
	if err := e.Close(); err != nil {
		c.Fatalf("close: %v", err)
	}
	c.fs = crashed.fs
	c.seen, c.acknowledged = crashed.seen, crashed.acknowledged
}

func (c *crashTest) waitFor(condition func() bool) {
	for ok := false; !ok; {
		if err := c.Context().Err(); err != nil {
			c.Fatal(err)
		}
		wait, cancel := context.WithTimeout(c.Context(), 5*time.Millisecond)
		<-wait.Done()
		cancel()
		c.mu.Lock()
		ok = condition()
		c.mu.Unlock()
	}
}

// crash returns the test as it is after the machine lost its power now: what is
// known from outside is copied before the disk is.
func (c *crashTest) crash(random *rand.Rand) *crashTest {
	c.mu.Lock()
	defer c.mu.Unlock()
	crashed := &crashTest{seen: slices.Clone(c.seen), acknowledged: maps.Clone(c.acknowledged)}
	config := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[random.IntN(3)]}
	config.RNG = random
	crashed.fs = c.fs.CrashClone(config)
	return crashed
}

func (c *crashTest) write(ctx context.Context, e *Engine, random *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		op := Op{Key: fmt.Appendf(nil, "key-%03d", random.IntN(200))}
		if random.IntN(5) > 0 {
			tags := []string{"x", "y", "x,y", "z"}[random.IntN(4)]
			op.Value = fmt.Appendf(nil, "%s|%d %s", tags, random.Uint64(), bytes.Repeat([]byte("."), random.IntN(200)))
			if random.IntN(3) == 0 {
				op.Deadline = c.clock.now().Add(time.Duration(random.IntN(100)) * time.Second)
			}
		}
		revision, err := e.Commit(ctx, op)
		if errors.Is(err, ErrNotFound) || ctx.Err() != nil {
			continue
		}
		if err != nil {
			c.Errorf("commit: %v", err)
			return
		}
		c.mu.Lock()
		c.acknowledged[revision] = op
		c.mu.Unlock()
	}
}

// follow notes all changes.
func (c *crashTest) follow(ctx context.Context, e *Engine) {
	s, err := e.Subscribe(Revision(len(c.seen)) + firstRevision)
	if err != nil {
		c.Errorf("subscribe: %v", err)
		return
	}
	for {
		changes, err := s.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.Errorf("next: %v", err)
			return
		}
		c.mu.Lock()
		c.seen = append(c.seen, changes...)
		c.mu.Unlock()
	}
}

// maintain compacts to what the subscriber has seen, and expires.
func (c *crashTest) maintain(ctx context.Context, e *Engine, random *rand.Rand) {
	for ctx.Err() == nil {
		c.mu.Lock()
		seen := Revision(len(c.seen)) + firstRevision
		c.mu.Unlock()
		err := e.Compact(ctx, seen-min(seen, Revision(random.Uint64N(300))))
		if err == nil {
			c.clock.advance(time.Second)
			err = e.Expire(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.Errorf("maintain: %v", err)
			return
		}
	}
}

// verify opens what a crash left and compares it with what was seen before.
func (c *crashTest) verify() {
	c.Helper()
	e := c.open()
	defer func() {
		if err := e.Close(); err != nil {
			c.Fatalf("close: %v", err)
		}
	}()
	if err := e.Check(c.Context()); err != nil {
		c.Fatalf("check: %v", err)
	}
	seen := Revision(len(c.seen)) + firstRevision
	if e.Revision() < seen || e.CompactRevision() > seen {
		c.Fatalf("revision %d and compactRevision %d, but %d was seen", e.Revision(), e.CompactRevision(), seen)
	}
	c.compareState(e, seen)
	c.compareFeed(e)
	for revision, op := range c.acknowledged {
		i := revision - firstRevision - 1
		if i >= Revision(len(c.seen)) {
			c.Fatalf("acknowledged revision %d of %q is lost, the last is %d", revision, op.Key, e.Revision())
		}
		if got := c.seen[i]; !bytes.Equal(got.Key, op.Key) || !bytes.Equal(got.Value, op.Value) {
			c.Fatalf("revision %d is %+v, acknowledged was %+v", revision, got, op)
		}
	}
}

// since returns the changes that were seen after a revision.
func (c *crashTest) since(after Revision) []Change {
	m := model{changes: c.seen}
	return m.since(after)
}

// compareState compares a list with the states that the seen changes add up to.
func (c *crashTest) compareState(e *Engine, at Revision) {
	c.Helper()
	m := model{changes: c.seen}
	want := m.list(Query{At: at}, time.Time{})
	got := []Record{}
	_, err := e.List(c.Context(), Query{At: at}, func(r Record) bool {
		r.Key, r.Value, r.Deadline = bytes.Clone(r.Key), bytes.Clone(r.Value), time.Time{}
		got = append(got, r)
		return true
	})
	if err != nil {
		c.Fatalf("list: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.Fatalf("state at revision %d (-seen +got):\n%s", at, diff)
	}
}

// compareFeed reads the changes from the compact revision on. Those behind what was seen
// were on their way when the crash came; they are part of history now.
func (c *crashTest) compareFeed(e *Engine) {
	c.Helper()
	s, err := e.Subscribe(e.CompactRevision())
	if err != nil {
		c.Fatalf("subscribe: %v", err)
	}
	for s.Revision() < e.Revision() {
		from := len(c.seen) - len(c.since(s.Revision()))
		changes, err := s.Next(c.Context())
		if err != nil {
			c.Fatalf("next: %v", err)
		}
		known := min(len(changes), len(c.seen)-from)
		if diff := cmp.Diff(c.seen[from:from+known], changes[:known]); diff != "" {
			c.Fatalf("changes after %d (-seen +got):\n%s", from, diff)
		}
		c.seen = append(c.seen, changes[known:]...)
	}
}

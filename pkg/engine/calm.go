// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	calmCheckEvery = time.Second
	// calmAfter is for how long no file of newest writes was begun when little is
	// written: with 64 MiB in each, less than five thousand creates a second.
	calmAfter = 15 * time.Second
	// calmRest is how many times as long as it took nothing is merged again, when
	// calmDepth files or more are at level 0, one above the other. With fewer it is
	// longer in proportion: for each, a look-up by an index takes some 5 µs more, and
	// what is at the next level is written anew each time, a quarter of a gigabyte or so.
	calmRest  = 200
	calmDepth = 4
)

// calm says when little enough is written for merging level 0 before Pebble would
// do it by itself, which waits longer for the sake of writes.
type calm struct {
	after   time.Duration
	flushes int64
	// since is when flushes changed.
	since time.Time
	// ended is when level 0 was last merged in calm, and took how long that lasted.
	ended time.Time
	took  time.Duration
}

// levelZero is what calm looks at.
type levelZero struct {
	depth            int
	flushes, merging int64
	// bytes is how much merging level 0 writes at most.
	bytes int64
}

func levelZeroOf(m *pebble.Metrics) levelZero {
	z := levelZero{
		depth:   int(m.Levels[0].Sublevels),
		flushes: m.Flush.Count + m.Flush.NumInProgress,
		merging: m.Compact.NumInProgress,
		bytes:   m.Levels[0].AggregateSize(),
	}
	for _, level := range m.Levels[1:] {
		if size := level.AggregateSize(); size > 0 {
			z.bytes += size
			break
		}
	}
	return z
}

// due reports whether level 0 should be merged now.
func (c *calm) due(now time.Time, z levelZero) bool {
	if z.flushes != c.flushes || c.since.IsZero() {
		c.flushes, c.since = z.flushes, now
	}
	return z.depth > 0 && z.merging == 0 && now.Sub(c.since) >= c.after && now.Sub(c.ended) >= c.rest(z.depth)
}

// rest is how long nothing is merged again.
func (c *calm) rest(depth int) time.Duration {
	return calmRest * c.took * calmDepth / time.Duration(min(depth, calmDepth))
}

func (c *calm) merged(now time.Time, took time.Duration) { c.ended, c.took = now, took }

// keepShallow merges level 0 in times of calm.
func (e *Engine) keepShallow(ctx context.Context) {
	ticker := time.NewTicker(calmCheckEvery)
	defer ticker.Stop()
	c := calm{after: e.config.calmAfter}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		z := levelZeroOf(e.db.Metrics())
		begun := time.Now()
		if !c.due(begun, z) || !e.roomFor(z.bytes) {
			continue
		}
		if err := e.mergeLevelZero(ctx); err != nil && ctx.Err() == nil {
			e.backgroundError("merging the newest files", err)
		}
		c.merged(time.Now(), time.Since(begun))
	}
}

// roomFor reports whether so many bytes can be written before the disk is nearly
// full.
func (e *Engine) roomFor(bytes int64) bool {
	if e.failed() != nil || e.space.refusing() {
		return false
	}
	usage, err := e.config.FS.GetDiskUsage(e.config.Dir)
	least := max(e.config.MinFreeBytes, 0)
	return err != nil || usage.AvailBytes >= uint64(least+bytes) //nolint:gosec // not negative
}

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

// calm says when little enough is written for merging files before Pebble would
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

// levels is what calm and flattening look at.
type levels struct {
	// depth is how many files level 0 has, one above the other, and below is how
	// many levels below it have any.
	depth, below     int
	flushes, merging int64
	// bytes is how much merging level 0 writes at most.
	bytes int64
}

func levelsOf(m *pebble.Metrics) levels {
	l := levels{
		depth:   int(m.Levels[0].Sublevels),
		flushes: m.Flush.Count + m.Flush.NumInProgress,
		merging: m.Compact.NumInProgress,
		bytes:   m.Levels[0].AggregateSize(),
	}
	for _, level := range m.Levels[1:] {
		size := level.AggregateSize()
		if size > 0 && l.below == 0 {
			l.bytes += size
		}
		if size > 0 {
			l.below++
		}
	}
	return l
}

// calm reports whether nothing is being merged and, for a while, little was
// written. It must be asked again and again.
func (c *calm) calm(now time.Time, l levels) bool {
	if l.flushes != c.flushes || c.since.IsZero() {
		c.flushes, c.since = l.flushes, now
	}
	return l.merging == 0 && now.Sub(c.since) >= c.after
}

// due reports whether level 0 should be merged when it is calm.
func (c *calm) due(now time.Time, l levels) bool {
	return l.depth > 0 && now.Sub(c.ended) >= c.rest(l.depth)
}

// rest is how long nothing is merged again.
func (c *calm) rest(depth int) time.Duration {
	return calmRest * c.took * calmDepth / time.Duration(min(depth, calmDepth))
}

func (c *calm) merged(now time.Time, took time.Duration) { c.ended, c.took = now, took }

// flushedOne takes it that the first file of newest writes that is begun next is
// there for the merging, which does not end the calm.
func (c *calm) flushedOne(l levels) {
	if l.flushes > c.flushes {
		c.flushes++
	}
}

// keepShallow merges level 0, and then all levels into one, in times of calm.
func (e *Engine) keepShallow(ctx context.Context) {
	ticker := time.NewTicker(calmCheckEvery)
	defer ticker.Stop()
	c := calm{after: e.config.calmAfter}
	var f flattening
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l, begun := levelsOf(e.db.Metrics()), time.Now()
		if !c.calm(begun, l) {
			continue
		}
		var err error
		switch {
		case c.due(begun, l):
			if !e.roomFor(l.bytes) {
				continue
			}
			err = e.mergeLevelZero(ctx)
			c.merged(time.Now(), time.Since(begun))
		case f.due(begun, l):
			err = e.flattenSome(ctx, &f)
		default:
			continue
		}
		if err != nil && ctx.Err() == nil {
			e.backgroundError("merging files in calm", err)
		}
		c.flushedOne(levelsOf(e.db.Metrics()))
	}
}

// roomFor reports whether so many bytes can be written before the disk is nearly
// full.
func (e *Engine) roomFor(bytes int64) bool {
	if e.failed() != nil || e.space.Refusing() {
		return false
	}
	usage, err := e.config.FS.GetDiskUsage(e.config.Dir)
	least := max(e.config.MinFreeBytes, 0)
	return err != nil || usage.AvailBytes >= uint64(least+bytes) //nolint:gosec // not negative
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// progressEvery is after how many rows progress is reported.
const progressEvery = 1 << 14

// checker reads all rows, for Verify. Versions define which other rows there must
// be; a multiset hash for each kind shows whether these are there.
type checker struct {
	reader  pebble.Reader
	options Verification
	report  Report
	// second is set in the second reading, which only looks for the rows
	// that made a multiset hash disagree. Everything else was reported.
	second bool
	// unread is set if some rows could not be read, so that comparing is of no
	// use.
	unread bool

	// compacted is the revision up to which change rows may be gone.
	compacted Revision
	// stored are the counters of the directory, counted those of what was read.
	stored, counted counters
	changes         *multisetHash
	expiries        *multisetHash
	indexes         map[indexID]*checkedIndex
	scratch         []byte
}

// checkedIndex is an index of the directory.
type checkedIndex struct {
	name string
	id   indexID
	// ready indexes have just the rows that the versions call for.
	ready bool
	rows  *multisetHash
	count int64
}

func newChecker(reader pebble.Reader, options Verification) *checker {
	return &checker{reader: reader, options: options, indexes: map[indexID]*checkedIndex{}}
}

// problem notes what is wrong.
func (c *checker) problem(err error) {
	if len(c.report.Problems) >= c.options.MostProblems {
		c.report.More = true
		return
	}
	c.report.Problems = append(c.report.Problems, err)
}

// corrupt notes what is wrong, in the first reading.
func (c *checker) corrupt(format string, args ...any) {
	if !c.second {
		c.problem(fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...))
	}
}

func (c *checker) progress(reading string, done int64) {
	if c.options.Progress != nil {
		c.options.Progress(reading, done)
	}
}

// files notes damaged ones.
func (c *checker) files(damaged []error, err error) error {
	for _, problem := range damaged {
		c.problem(problem)
	}
	return err
}

func (c *checker) run(ctx context.Context) error {
	if err := c.meta(); err != nil {
		return err
	}
	if err := c.read(ctx); err != nil {
		return err
	}
	c.counters()
	if !c.unread {
		if err := c.nameRows(ctx); err != nil {
			return err
		}
	}
	c.describe()
	return nil
}

// meta reads the meta rows, which have the state of the engine.
func (c *checker) meta() error {
	compactRevision, err := readMetaNumber(c.reader, metaCompactRevision)
	if err != nil {
		return err
	}
	compacted, err := readMetaNumber(c.reader, metaCompacted)
	if err != nil {
		return err
	}
	if compacted > compactRevision {
		c.corrupt("compaction got to revision %d, above the compactRevision %d", compacted, compactRevision)
	}
	c.compacted, c.report.CompactRevision = Revision(compacted), Revision(compactRevision)
	c.report.Revision = max(c.report.CompactRevision, c.compacted)
	return c.open()
}

// open makes the hashes.
func (c *checker) open() error {
	numbers, err := readMeta(c.reader, metaCounters)
	if err != nil {
		return err
	}
	if len(numbers) == 2 {
		c.stored = countersOf(numbers)
	}
	c.changes, c.expiries = newMultisetHash(c.stored.keys), newMultisetHash(c.stored.keys)
	stored, err := storedIndexes(c.reader)
	if err != nil {
		return err
	}
	for name, numbers := range stored {
		id := indexID(numbers[0]) //nolint:gosec // this package wrote it
		c.indexes[id] = &checkedIndex{name: name, id: id, ready: flagsReady(numbers[1]), rows: newMultisetHash(c.stored.keys)}
	}
	return nil
}

// read reads all rows. Versions come first, because they define what else there must
// be.
func (c *checker) read(ctx context.Context) error {
	versions := &versionChecker{checker: c}
	for _, part := range []struct {
		name  string
		space byte
		row   func(key, value []byte)
	}{
		{"versions", spaceVersion, versions.row},
		{"changes", spaceChange, c.changeRows()},
		{"index rows", spaceIndex, c.indexRow},
		{"expiry rows", spaceExpiry, c.expiryRow},
	} {
		if err := c.each(ctx, part.name, part.space, part.row); err != nil {
			return err
		}
		if part.space == spaceVersion {
			versions.end()
		}
	}
	return nil
}

// each calls f for all rows of a space.
func (c *checker) each(ctx context.Context, reading string, space byte, f func(key, value []byte)) error {
	if c.second {
		reading += " again"
	}
	iter, err := c.reader.NewIter(&pebble.IterOptions{LowerBound: []byte{space}, UpperBound: spaceEnd(space)})
	if err != nil {
		return err
	}
	var done int64
	for iter.First(); iter.Valid() && err == nil; iter.Next() {
		if done++; done%checkEvery == 0 && ctx.Err() != nil {
			return errors.Join(ctx.Err(), iter.Close())
		}
		if done%progressEvery == 0 {
			c.progress(reading, done)
		}
		var value []byte
		if value, err = iter.ValueAndErr(); err == nil {
			f(iter.Key(), value)
		}
	}
	c.progress(reading, done)
	if err = errors.Join(err, iter.Error()); err != nil {
		c.unread = true
		c.corrupt("%s cannot be read behind the first %d: %w", reading, done, namingFile(err))
	}
	// Closing returns the same error again.
	_ = iter.Close()
	return nil
}

// changeRows checks that revisions follow each other. Below the compact revision there is
// a gap after a restore.
func (c *checker) changeRows() func(key, value []byte) {
	next := c.compacted + 1
	return func(key, value []byte) {
		revision, err := decodeChangeKey(key)
		if err != nil {
			c.corrupt("%w", err)
			return
		}
		if !c.second {
			c.report.Changes++
			c.report.Revision = max(c.report.Revision, revision)
		}
		if revision <= c.compacted {
			return
		}
		if revision != next && revision > c.report.CompactRevision+1 {
			c.corrupt("change %d stands where %d is due", revision, next)
		}
		next = revision + 1
		c.scratch = append(append(c.scratch[:0], key...), value...)
		c.changes.is(c.scratch)
	}
}

func (c *checker) indexRow(row, _ []byte) {
	if len(row) < 1+indexIDBytes {
		c.corrupt("not the key of an index row: %q", row)
		return
	}
	id := indexIDOf(row)
	x, known := c.indexes[id]
	if !known {
		c.corrupt("a row of index %d, which is not there: %q", id, row)
		return
	}
	if !c.second {
		x.count++
	}
	x.rows.is(row)
}

func (c *checker) expiryRow(row, key []byte) {
	if _, _, err := decodeExpiryKey(row); err != nil {
		c.corrupt("%w", err)
		return
	}
	c.scratch = append(append(c.scratch[:0], row...), key...)
	c.expiries.is(c.scratch)
}

// nameRows names the rows because of which a multiset hash does not agree.
func (c *checker) nameRows(ctx context.Context) error {
	disagree := false
	reopen := func(l *multisetHash, leftOver func(row []byte) error) {
		if l.agrees() {
			return
		}
		disagree = true
		room := c.options.MostProblems - len(c.report.Problems)
		if !l.reopen(max(room, 1), func(row []byte) { c.problem(leftOver(row)) }) {
			c.report.More = true
		}
	}
	reopen(c.changes, wrongChange)
	reopen(c.expiries, leftOverExpiry)
	for _, x := range c.sortedIndexes() {
		if x.ready {
			reopen(x.rows, x.leftOver)
		}
	}
	if !disagree {
		return nil
	}
	c.second = true
	if err := c.read(ctx); err != nil {
		return err
	}
	c.lacking(c.changes, missingChange)
	c.lacking(c.expiries, missingExpiry)
	for _, x := range c.sortedIndexes() {
		c.lacking(x.rows, x.missing)
	}
	return nil
}

func (c *checker) lacking(l *multisetHash, missing func(row []byte) error) {
	for _, row := range l.lacking() {
		c.problem(missing([]byte(row)))
	}
}

func (c *checker) sortedIndexes() []*checkedIndex {
	return slices.SortedFunc(maps.Values(c.indexes), func(a, b *checkedIndex) int { return cmp.Compare(a.name, b.name) })
}

func (c *checker) counters() {
	if c.stored != c.counted && !c.unread {
		c.corrupt("counted %d keys with %d bytes, found %d with %d", c.stored.keys, c.stored.bytes, c.counted.keys, c.counted.bytes)
	}
}

// describe puts into the report what was counted.
func (c *checker) describe() {
	c.report.Keys, c.report.Bytes = c.counted.keys, c.counted.bytes
	for _, x := range c.sortedIndexes() {
		c.report.Indexes = append(c.report.Indexes, IndexReport{Name: x.name, Rows: x.count, Ready: x.ready})
	}
}

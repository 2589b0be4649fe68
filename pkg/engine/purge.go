// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// errSnapshotOpen is returned by Purge, which would not reach its end.
var errSnapshotOpen = errors.New("something is being read that was removed since; try again later")

// purgeRest is for how many times the duration of a piece others have the disk
// for themselves before the next one.
const purgeRest = 1

// manifestPrefix begins the names of Pebble's lists of files.
const manifestPrefix = "MANIFEST-"

// Purge rewrites the files that hold data, so that they do not hold any more
// what was removed: versions that compaction has removed, rows of indexes that
// were dropped. It returns the revision up to which compaction had got when it
// began. It costs as much as writing everything anew, a piece at a time.
//
// Lists of files and logs of this process may still hold some of it, such as
// index values at the bounds of files. They are removed when the directory is
// opened the next time.
func (e *Engine) Purge(ctx context.Context) (Revision, error) {
	if err := e.calls.begin(); err != nil {
		return 0, err
	}
	defer e.calls.end()
	e.compactLock.Lock()
	compacted := e.compacted
	e.compactLock.Unlock()
	if err := e.purge(ctx); err != nil {
		return 0, fmt.Errorf("purging files: %w", err)
	}
	return compacted, nil
}

func (e *Engine) purge(ctx context.Context) error {
	// A snapshot from before a removal keeps what was removed alive.
	if e.db.Metrics().Snapshots.Count > 0 {
		return errSnapshotOpen
	}
	if err := e.db.Flush(); err != nil {
		return err
	}
	bounds, err := e.fileBounds()
	if err != nil {
		return err
	}
	for i := range len(bounds) - 1 {
		begun := time.Now()
		if err := e.purgeRange(ctx, bounds[i], bounds[i+1]); err != nil {
			return err
		}
		if err := rest(ctx, time.Since(begun), purgeRest); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) purgeRange(ctx context.Context, from, to []byte) error {
	if err := errors.Join(ctx.Err(), e.failed()); err != nil {
		return err
	}
	if err := e.touch(from); err != nil {
		return err
	}
	return e.mergeFiles(ctx, from, to)
}

// touch writes a row again as it is. Pebble moves a file down, or leaves it where
// it is, without rewriting it, unless there is something newer in its range.
func (e *Engine) touch(row []byte) error {
	// Nobody may change the row between reading and writing it.
	e.compactLock.Lock()
	defer e.compactLock.Unlock()
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	value, closer, err := e.db.Get(row)
	if errors.Is(err, pebble.ErrNotFound) {
		return e.db.Delete(row, pebble.NoSync)
	}
	if err != nil {
		return err
	}
	return errors.Join(e.db.Set(row, value, pebble.NoSync), closer.Close())
}

// fileBounds returns where each file begins, and an end. What is between two of
// these is rewritten at once.
func (e *Engine) fileBounds() ([][]byte, error) {
	levels, err := e.db.SSTables()
	if err != nil {
		return nil, err
	}
	bounds := [][]byte{{0xff}}
	for _, level := range levels {
		for _, table := range level {
			bounds = append(bounds, bytes.Clone(table.Smallest.UserKey))
		}
	}
	slices.SortFunc(bounds, bytes.Compare)
	return slices.CompactFunc(bounds, bytes.Equal), nil
}

// dropOldManifests removes all lists of files but the newest, which is in use.
// Pebble keeps one more, for looking into accidents; it may hold values of
// indexes that are long gone.
func (e *Engine) dropOldManifests(dir string) error {
	if e.config.ReadOnly {
		return nil
	}
	fsys := e.config.FS
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("looking for old lists of files: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, manifestPrefix) })
	// Their numbers have leading zeros, and more digits when they need them.
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for i := range len(names) - 1 {
		// After crashes there are so many that Pebble removes some by itself.
		if err := fsys.Remove(fsys.PathJoin(dir, names[i])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old list of files: %w", err)
		}
	}
	return nil
}

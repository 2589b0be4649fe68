// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Count returns the number of keys that begin with prefix. It costs a scan of the
// matching keys where KnownCount does not know. Keys that have expired but are not
// removed yet may be in it.
func (e *Engine) Count(ctx context.Context, prefix []byte) (int64, error) {
	count, known, err := e.KnownCount(prefix)
	if err != nil || known {
		return count, err
	}
	if err := e.inFlight.begin(); err != nil {
		return 0, err
	}
	defer e.inFlight.end()
	v, err := e.viewAt(0)
	if err != nil {
		return 0, err
	}
	err = e.scan(ctx, Query{Prefix: prefix}, v, func(Record, *versionRow) (bool, error) {
		count++
		return true, nil
	})
	return count, err
}

// KnownCount returns the number of keys that begin with prefix at about the newest
// revision, if that is known without reading them: always when all keys do, and for
// a prefix that ends with Config.Separator once all keys have been read after Open,
// which takes some seconds for a million. Keys that have expired but are not removed
// yet are in it.
func (e *Engine) KnownCount(prefix []byte) (count int64, known bool, err error) {
	if err := e.inFlight.begin(); err != nil {
		return 0, false, err
	}
	defer e.inFlight.end()
	if count, known = e.groups.count(prefix); known {
		return count, true, nil
	}
	all, err := e.allBeginWith(prefix)
	if err != nil || !all {
		return 0, false, err
	}
	return e.publishedCounters.Load().keys, true, nil
}

// allBeginWith reports whether the first and the last key begin with the
// prefix, since then all between them do.
func (e *Engine) allBeginWith(prefix []byte) (bool, error) {
	if len(prefix) == 0 {
		return true, nil
	}
	iter, err := e.newVersionIter()
	if err != nil {
		return false, err
	}
	start := appendEscaped([]byte{spaceVersion}, prefix)
	all := true
	if iter.First() {
		all = bytes.HasPrefix(iter.Key(), start)
	}
	if all && iter.Last() {
		all = bytes.HasPrefix(iter.Key(), start)
	}
	if err := errors.Join(iter.Error(), iter.Close()); err != nil {
		return false, fmt.Errorf("counting: %w", err)
	}
	return all, nil
}

// counters are kept with every commit, because counting costs a scan.
type counters struct {
	keys, bytes int64
}

// countersOf reads the numbers of the meta row.
func countersOf(numbers []uint64) counters {
	return counters{keys: int64(numbers[0]), bytes: int64(numbers[1])} //nolint:gosec // numbers made them
}

// numbers are what the meta row holds. Neither is ever negative.
func (c *counters) numbers() []uint64 {
	return []uint64{uint64(max(c.keys, 0)), uint64(max(c.bytes, 0))}
}

func (c *counters) add(key, value []byte) {
	c.keys++
	c.bytes += int64(len(key) + len(value))
}

func (c *counters) remove(key, value []byte) {
	c.keys--
	c.bytes -= int64(len(key) + len(value))
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Count returns the number of keys that begin with prefix. When all keys do,
// the answer comes from a counter and costs nothing; otherwise it costs a scan
// of the matching keys. Keys that have expired but are not removed yet may be
// in it.
func (e *Engine) Count(ctx context.Context, prefix []byte) (int64, error) {
	if err := e.calls.begin(); err != nil {
		return 0, err
	}
	defer e.calls.end()
	all, err := e.allBeginWith(prefix)
	if err != nil {
		return 0, err
	}
	if all {
		return e.publishedCounters.Load().keys, nil
	}
	var count int64
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// mergeFiles lets Pebble merge the files that have rows of a range, level by
// level down to the lowest one. The context calls off what has not begun.
//
// Pebble may have chosen a compaction that is called off as the next to begin,
// and would panic when it came to that. It chooses anew whenever its files have
// changed; until then the scheduler begins none.
func (e *Engine) mergeFiles(ctx context.Context, from, to []byte) error {
	return e.merge(ctx, from, to, func(*pebble.CompactionInfo) bool { return false })
}

// mergeLevelZero merges all files of level 0 with those of the next level that
// has any, and leaves other levels as they are. Pebble has no call for that: it is
// called off when it is done with the first of all levels.
func (e *Engine) mergeLevelZero(ctx context.Context) error {
	enough := func(info *pebble.CompactionInfo) bool {
		return info.Err == nil && len(info.Input) > 0 && info.Input[0].Level == 0
	}
	return e.merge(ctx, []byte{0}, []byte{0xff}, enough)
}

// merge ends without an error after a compaction that was enough.
func (e *Engine) merge(ctx context.Context, from, to []byte, enough func(*pebble.CompactionInfo) bool) error {
	e.mergeLock.Lock()
	defer e.mergeLock.Unlock()
	// Pebble must not learn that it is called off before the scheduler does.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	calledOff := make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		e.scheduler.hold()
		cancel()
		close(calledOff)
	})
	e.scheduler.holdAfter(enough, cancel)
	err := e.db.Compact(own, from, to, false)
	if !forget() {
		<-calledOff
	}
	if !e.scheduler.release() {
		return err
	}
	return errors.Join(ctx.Err(), e.changeFiles())
}

// changeFiles lets Pebble write its newest rows to a file, however few they are.
// An engine that has failed merges nothing any more.
func (e *Engine) changeFiles() error {
	if e.failure.Load() != nil {
		return nil
	}
	_, err := e.db.AsyncFlush()
	return err
}

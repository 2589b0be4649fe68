// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// lastBookmark is how long before the deadline of a watch a final bookmark is sent, so
// that the client resumes from a recent revision.
const lastBookmark = 2 * time.Second

// bookmarks is the schedule of a watcher's bookmarks.
type bookmarks struct {
	// timer is nil if the client does not want bookmarks.
	timer    *time.Timer
	interval time.Duration
	// last is when the final bookmark is due; zero once it is scheduled, and if the
	// watch has no deadline.
	last time.Time
}

func (w *watcher) newBookmarks(ctx context.Context) *bookmarks {
	b := &bookmarks{}
	switch {
	case w.options.ProgressNotify:
		b.interval = w.store.config.ProgressInterval
	case w.options.Predicate.AllowWatchBookmarks:
		b.interval = w.store.config.BookmarkInterval
	default:
		return b
	}
	if deadline, ok := ctx.Deadline(); ok {
		b.last = deadline.Add(-lastBookmark)
	}
	b.timer = time.NewTimer(b.wait())
	return b
}

// wait returns the time until the next bookmark. The jitter spreads the bookmarks of
// watches that began together.
func (b *bookmarks) wait() time.Duration {
	interval := wait.Jitter(b.interval, 0.25)
	if b.last.IsZero() {
		return interval
	}
	left := time.Until(b.last)
	if left > interval {
		return interval
	}
	b.last = time.Time{}
	return max(left, 0)
}

// due returns the channel that receives when a bookmark is due; nil if none ever is.
func (b *bookmarks) due() <-chan time.Time {
	if b.timer == nil {
		return nil
	}
	return b.timer.C
}

func (b *bookmarks) next() { b.timer.Reset(b.wait()) }

func (b *bookmarks) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// bookmark sends a bookmark of the revision.
func (w *watcher) bookmark(ctx context.Context, revision engine.Revision) error {
	object, err := w.bookmarkObject(revision)
	if err != nil {
		return err
	}
	return w.deliver(ctx, watch.Event{Type: watch.Bookmark, Object: object})
}

// bookmarkObject returns an object with the revision and nothing else.
func (w *watcher) bookmarkObject(revision engine.Revision) (runtime.Object, error) {
	object := w.store.config.NewFunc()
	if err := w.store.config.Versioner.UpdateObject(object, uint64(revision)); err != nil {
		return nil, fmt.Errorf("making a bookmark: %w", err)
	}
	return object, nil
}

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

// lastBookmark is how long before the end of a watch one more bookmark is due,
// so that the client resumes from where it is.
const lastBookmark = 2 * time.Second

// bookmarks tells when a watcher is due a bookmark.
type bookmarks struct {
	// timer is nil if the client does not want bookmarks.
	timer    *time.Timer
	interval time.Duration
	// last is when the one before the end is due; zero if it was, or if there
	// is no end.
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

// wait is the time to the next bookmark. It varies, so that watches that began
// together do not get theirs together for ever.
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

// due receives when a bookmark is to be sent.
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

// bookmark sends one for the revision.
func (w *watcher) bookmark(ctx context.Context, revision engine.Revision) error {
	object, err := w.bookmarkObject(revision)
	if err != nil {
		return err
	}
	return w.deliver(ctx, watch.Event{Type: watch.Bookmark, Object: object})
}

// bookmarkObject is an object that carries nothing but the revision.
func (w *watcher) bookmarkObject(revision engine.Revision) (runtime.Object, error) {
	object := w.store.config.NewFunc()
	if err := w.store.config.Versioner.UpdateObject(object, uint64(revision)); err != nil {
		return nil, fmt.Errorf("making a bookmark: %w", err)
	}
	return object, nil
}

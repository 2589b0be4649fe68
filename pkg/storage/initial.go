// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// initialPage is the number of objects per read for initial events. Reading in pages
// keeps no iterator open while a client is slow.
const initialPage = 500

// wantsInitial reports whether the watch begins with the existing objects: if requested
// by SendInitialEvents, or, without it, at resource version 0 or none.
func wantsInitial(opts storage.ListOptions, from engine.Revision) bool {
	if opts.SendInitialEvents == nil {
		return from == 0
	}
	return *opts.SendInitialEvents
}

// begin sends the initial events, if the client wants them, and checks that
// the watch can go on from where it is.
func (w *watcher) begin(ctx context.Context) error {
	if !w.initial {
		// The dispatcher may be at this revision still and could serve the watch, but
		// whether a revision is too old must not depend on how far it is.
		if w.seen < w.store.engine.CompactRevision() {
			return engine.ErrCompacted
		}
		return nil
	}
	if current := w.store.engine.Revision(); w.seen > current {
		return tooNewToWatch(w.seen, current)
	}
	if err := w.sendInitial(ctx); err != nil {
		return err
	}
	if w.options.SendInitialEvents != nil && w.options.Predicate.AllowWatchBookmarks {
		return w.endOfInitial(ctx)
	}
	return nil
}

// sendInitial sends the existing objects as ADDED events.
func (w *watcher) sendInitial(ctx context.Context) error {
	query := w.store.config.narrow(engine.Query{Prefix: []byte(w.scope.key)}, w.scope.pin)
	for more := true; more; {
		var objects []runtime.Object
		var err error
		if objects, more, err = w.initialObjects(ctx, &query); err != nil {
			return err
		}
		for _, obj := range objects {
			if err := w.deliver(ctx, watch.Event{Type: watch.Added, Object: obj}); err != nil {
				return err
			}
		}
	}
	return nil
}

// initialObjects reads the next page and makes the query that of the one behind
// it, at the same revision.
func (w *watcher) initialObjects(ctx context.Context, query *engine.Query) (objects []runtime.Object, more bool, err error) {
	var failed error
	read := 0
	take := func(record engine.Record) bool {
		if read == initialPage {
			more = true
			return false
		}
		read++
		query.From = append(append(query.From[:0:0], record.Key...), 0)
		obj, err := w.store.values.openNew(ctx, string(record.Key), record.Value, record.Revision)
		if err != nil {
			failed = err
			return false
		}
		if selects(&w.options.Predicate, obj) {
			objects = append(objects, obj)
		}
		return true
	}
	revision, err := w.read(ctx, *query, take)
	if err := errors.Join(err, failed); err != nil {
		return nil, false, err
	}
	query.At, w.seen = revision, revision
	return objects, more, nil
}

func (w *watcher) read(ctx context.Context, query engine.Query, take func(engine.Record) bool) (engine.Revision, error) {
	if w.scope.recursive {
		return w.store.engine.List(ctx, query, take)
	}
	record, revision, err := w.store.engine.Get(ctx, query.Prefix, 0)
	if errors.Is(err, engine.ErrNotFound) {
		return revision, nil
	}
	if err == nil {
		take(record)
	}
	return revision, err
}

// endOfInitial sends the bookmark that marks the end of the initial events.
func (w *watcher) endOfInitial(ctx context.Context) error {
	object, err := w.bookmarkObject(w.seen)
	if err != nil {
		return err
	}
	if err := storage.AnnotateInitialEventsEndBookmark(object); err != nil {
		return err
	}
	return w.deliver(ctx, watch.Event{Type: watch.Bookmark, Object: object})
}

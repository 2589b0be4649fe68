// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	utilflowcontrol "k8s.io/apiserver/pkg/util/flowcontrol"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Watch implements storage.Interface. What is wrong with the start of the watch
// is told by its first event, as from the etcd3 store.
func (s *Store) Watch(ctx context.Context, key string, opts storage.ListOptions) (watch.Interface, error) {
	key, err := s.prepareKey(key, opts.Recursive)
	if err != nil {
		return nil, err
	}
	revision, err := s.config.Versioner.ParseResourceVersion(opts.ResourceVersion)
	if err != nil {
		return nil, err
	}
	w := s.newWatcher(key, opts, engine.Revision(revision))
	ctx, w.cancel = context.WithCancel(ctx)
	if err := s.hub.enter(w); err != nil {
		w.cancel()
		return nil, readError(err)
	}
	go w.run(ctx)
	return w, nil
}

func (s *Store) newWatcher(key string, opts storage.ListOptions, from engine.Revision) *watcher {
	w := &watcher{
		initial: wantsInitial(opts, from),
		seen:    from,
		store:   s,
		hub:     s.hub,
		options: opts,
		scope:   scope{key: key, recursive: opts.Recursive},
		results: make(chan watch.Event, resultBuffer),
	}
	if !w.initial && from == 0 {
		// Watching from now means from this call, whenever the goroutine runs.
		w.seen = s.engine.Revision()
	}
	if opts.Recursive && strings.HasSuffix(key, "/") {
		w.scope.pin = s.config.pinned(opts.Predicate)
	}
	return w
}

// resultBuffer is how many events wait for the client of a watch. It is small:
// what is in it is alive for this one watcher alone.
const resultBuffer = 100

// notice is what the hub gives a watcher: a change, or how far it is.
type notice struct {
	change   *change
	progress engine.Revision
}

// watcher is one watch. Its life: the initial events if they are asked for; the
// changes since then from the engine, until it is where the hub is; then what
// the hub gives it, until it ends or has no more room for a change. In the
// latter case it reads on from the engine again.
type watcher struct {
	store   *Store
	hub     *hub
	options storage.ListOptions
	scope   scope
	cancel  context.CancelFunc
	results chan watch.Event

	// initial tells that the client wants to be told what there is already.
	initial bool
	// seen is the revision up to which the watcher has seen all changes while
	// it is not joined.
	seen engine.Revision

	// The rest is the hub's, under its mutex, while the watcher is joined.

	// after is the revision up to which the watcher needs no changes.
	after engine.Revision
	// notices is closed by the hub when it cuts the watcher.
	notices chan notice
}

// Stop implements watch.Interface.
func (w *watcher) Stop() { w.cancel() }

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.results }

// offer hands a notice over if there is room.
func (w *watcher) offer(n notice) bool {
	select {
	case w.notices <- n:
		return true
	default:
		return false
	}
}

// run is the whole life of the watcher.
func (w *watcher) run(ctx context.Context) {
	defer w.hub.leave(w)
	w.store.config.Observer.WatchStarted()
	defer w.store.config.Observer.WatchEnded()
	// Priority and fairness counts the expensive beginning of a watch, which is
	// over when the watch is.
	defer utilflowcontrol.WatchInitialized(ctx)
	defer close(w.results)
	defer w.cancel()
	err := w.watch(ctx)
	if err == nil || errors.Is(err, errStalled) || endedByCaller(ctx, err) {
		return
	}
	// The client learns the reason before the channel is closed, if it listens.
	_ = w.deliver(ctx, watch.Event{Type: watch.Error, Object: watchStatus(err)})
}

func (w *watcher) watch(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	bookmarks := w.newBookmarks(ctx)
	defer bookmarks.stop()
	for first := true; ; first = false {
		if err := w.catchUp(ctx); err != nil {
			return err
		}
		if first {
			utilflowcontrol.WatchInitialized(ctx)
		}
		if err := w.live(ctx, bookmarks); err != nil {
			return err
		}
	}
}

// catchUp reads changes from the engine until the watcher has joined the hub.
func (w *watcher) catchUp(ctx context.Context) error {
	var subscription *engine.Subscription
	for !w.hub.join(w, w.seen, w.store.config.WatchBuffer) {
		if subscription == nil {
			var err error
			if subscription, err = w.store.engine.Subscribe(w.seen); err != nil {
				return err
			}
		}
		changes, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		if err := w.replay(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) replay(ctx context.Context, changes []engine.Change) error {
	for _, from := range changes {
		c, ok := w.hub.known(from.Revision)
		if !ok {
			c = newChange(w.store.values, from)
		}
		if w.scope.covers(c) {
			if err := w.tell(ctx, c); err != nil {
				return err
			}
		}
		w.seen = from.Revision
	}
	return nil
}

// live passes on what the hub gives. It returns nil when the hub has cut the
// watcher, and otherwise with an error.
func (w *watcher) live(ctx context.Context, bookmarks *bookmarks) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-bookmarks.due():
			bookmarks.next()
			w.hub.progress(w)
		case n, ok := <-w.notices:
			if !ok {
				w.store.config.Observer.WatcherLagged()
				w.seen = w.after
				return nil
			}
			if err := w.take(ctx, n); err != nil {
				return err
			}
		}
	}
}

func (w *watcher) take(ctx context.Context, n notice) error {
	if n.change == nil {
		return w.bookmark(ctx, n.progress)
	}
	return w.tell(ctx, n.change)
}

// tell sends what the client is to know of the change.
func (w *watcher) tell(ctx context.Context, c *change) error {
	kind, shared, err := c.eventFor(&w.options.Predicate)
	if err != nil || shared == nil {
		return err
	}
	return w.deliver(ctx, watch.Event{Type: kind, Object: w.handOut(shared)})
}

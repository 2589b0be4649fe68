// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	utilflowcontrol "k8s.io/apiserver/pkg/util/flowcontrol"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Watch implements storage.Interface. A start revision that cannot be served is an
// ERROR event of the watch and not an error of this call, as in the etcd3 store.
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
	if err := s.dispatcher.register(w); err != nil {
		w.cancel()
		return nil, readError(err)
	}
	go w.run(ctx)
	return w, nil
}

func (s *Store) newWatcher(key string, opts storage.ListOptions, from engine.Revision) *watcher {
	w := &watcher{
		initial:    wantsInitial(opts, from),
		seen:       from,
		store:      s,
		dispatcher: s.dispatcher,
		options:    opts,
		scope:      scope{key: key, recursive: opts.Recursive},
		results:    make(chan watch.Event, resultBuffer),
	}
	if !w.initial && from == 0 {
		// The watch starts at the revision of this call, not at that of the moment at
		// which its goroutine runs.
		w.seen = s.engine.Revision()
	}
	if opts.Recursive && strings.HasSuffix(key, "/") {
		w.scope.pin = s.config.pinned(opts.Predicate)
	}
	return w
}

// resultBuffer is the number of events that may wait for the client of a watch. It is
// small because its events are kept in memory for one watcher only.
const resultBuffer = 100

// watchInput is what the dispatcher hands to a watcher: a change, or, if change is nil,
// the revision of a bookmark.
type watchInput struct {
	change   *change
	progress engine.Revision
}

// watcher is one watch. It sends the initial events if they are requested, then reads
// changes from the engine until it has caught up with the dispatcher, and attaches to
// it. When its input overflows, the dispatcher detaches it and it reads from the engine
// again.
type watcher struct {
	store      *Store
	dispatcher *dispatcher
	options    storage.ListOptions
	scope      scope
	cancel     context.CancelFunc
	results    chan watch.Event

	// initial is whether the client wants the existing objects as ADDED events.
	initial bool
	// seen is the revision up to which the watcher has seen all changes. It is not kept
	// up to date while the watcher is attached.
	seen engine.Revision

	// The fields below belong to the dispatcher, under its mutex, while the watcher is
	// attached.

	// after is the revision up to which the watcher needs no changes.
	after engine.Revision
	// input is closed by the dispatcher when it detaches the watcher.
	input chan watchInput
}

// Stop implements watch.Interface.
func (w *watcher) Stop() { w.cancel() }

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.results }

// nonblockingAdd queues the input and reports false if there is no room.
func (w *watcher) nonblockingAdd(in watchInput) bool {
	select {
	case w.input <- in:
		return true
	default:
		return false
	}
}

// run serves the watch until it ends. The last event is the reason, if the client can
// still read it.
func (w *watcher) run(ctx context.Context) {
	defer w.dispatcher.unregister(w)
	w.store.config.Observer.WatchStarted()
	defer w.store.config.Observer.WatchEnded()
	// API Priority and Fairness holds a seat for the initialization of a watch. A watch
	// that ends before must release it, too.
	defer utilflowcontrol.WatchInitialized(ctx)
	defer close(w.results)
	defer w.cancel()
	err := w.watch(ctx)
	if err == nil || errors.Is(err, errStalled) || endedByCaller(ctx, err) {
		return
	}
	// The channel is closed anyway, so that this event may not arrive is no error.
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
		if err := w.serve(ctx, bookmarks); err != nil {
			return err
		}
	}
}

// catchUp sends changes read from the engine until the watcher is attached to the
// dispatcher.
func (w *watcher) catchUp(ctx context.Context) error {
	var subscription *engine.Subscription
	for !w.dispatcher.attach(w, w.seen, w.store.config.WatchBuffer) {
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
		c, ok := w.dispatcher.recentChange(from.Revision)
		if !ok {
			c = newChange(w.store.values, from)
		}
		if w.scope.covers(c) {
			if err := w.sendChange(ctx, c); err != nil {
				return err
			}
		}
		w.seen = from.Revision
	}
	return nil
}

// serve sends what the dispatcher hands to the watcher. It returns nil when the watcher
// was detached and has to catch up, else the reason why the watch ends.
func (w *watcher) serve(ctx context.Context, bookmarks *bookmarks) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-bookmarks.due():
			bookmarks.next()
			w.dispatcher.progress(w)
		case in, ok := <-w.input:
			if !ok {
				w.store.config.Observer.WatcherLagged()
				w.seen = w.after
				return nil
			}
			if err := w.process(ctx, in); err != nil {
				return err
			}
		}
	}
}

func (w *watcher) process(ctx context.Context, in watchInput) error {
	if in.change == nil {
		return w.bookmark(ctx, in.progress)
	}
	return w.sendChange(ctx, in.change)
}

// sendChange sends the event of the change, if the predicate selects it.
func (w *watcher) sendChange(ctx context.Context, c *change) error {
	kind, shared, err := c.eventFor(&w.options.Predicate)
	if err != nil || shared == nil {
		return err
	}
	return w.deliver(ctx, watch.Event{Type: kind, Object: w.objectFor(shared)})
}

// errStalled ends a watch whose client reads no events. No ERROR event is sent for it:
// the client would not read that either.
var errStalled = errors.New("the client reads no events")

// deliver sends the event to the client. It waits up to Config.StallTimeout for the
// client to read.
func (w *watcher) deliver(ctx context.Context, event watch.Event) error {
	select {
	case w.results <- event:
		return nil
	default:
	}
	stalled := time.NewTimer(w.store.config.StallTimeout)
	defer stalled.Stop()
	select {
	case w.results <- event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-stalled.C:
		w.store.config.Observer.WatcherStalled()
		klog.FromContext(ctx).V(2).Info("Ended a watch whose client reads no events", "key", w.scope.key)
		return errStalled
	}
}

// objectFor returns the object in the form that this watcher's client expects. The
// watch cache, the only client that sets ProgressNotify or RecordTimestamps, keeps the
// objects, so it gets a copy of its own.
func (w *watcher) objectFor(shared *sharedObject) runtime.Object {
	switch {
	case w.options.RecordTimestamps:
		return &timedObject{Object: shared.GetObject(), at: time.Now()}
	case w.options.ProgressNotify:
		return shared.GetObject()
	default:
		return shared
	}
}

// timedObject adds the time at which the store sent the object.
type timedObject struct {
	runtime.Object
	at time.Time
}

var _ storage.WatchEventWithRecordTime = (*timedObject)(nil)

// RecordTime implements storage.WatchEventWithRecordTime.
func (o *timedObject) RecordTime() time.Time { return o.at }

// Unwrap implements storage.WatchEventWithRecordTime.
func (o *timedObject) Unwrap() runtime.Object { return o.Object }

// DeepCopyObject implements runtime.Object.
func (o *timedObject) DeepCopyObject() runtime.Object {
	return &timedObject{Object: o.Object.DeepCopyObject(), at: o.at}
}

// GetObjectMeta implements metav1.ObjectMetaAccessor.
func (o *timedObject) GetObjectMeta() metav1.Object {
	accessor, err := meta.Accessor(o.Object)
	if err != nil {
		return nil
	}
	return accessor
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// errDispatcherClosed ends watches when the store is closed.
var errDispatcherClosed = fmt.Errorf("watching: %w", engine.ErrClosed)

// dispatcher reads the engine's changes once and dispatches each to the watchers
// that select it. It finds them by key, prefix and pinned field, so a change costs
// nothing for watchers of something else.
type dispatcher struct {
	engine *engine.Engine
	values *valueCodec
	// changed is called once for each change.
	changed func()

	// stop ends the goroutine that reads changes; done is closed when it has ended.
	stop context.CancelFunc
	done chan struct{}
	// running counts the goroutines of all watchers, attached or not.
	running sync.WaitGroup

	mutex  sync.Mutex
	closed bool
	// position is the revision up to which all changes were dispatched.
	position engine.Revision
	indexed  *indexedWatchers
	recent   *recentChanges
	// watchers are all watchers, attached or not.
	watchers map[*watcher]struct{}
}

func startDispatcher(from *engine.Engine, values *valueCodec, indexes []Index, changed func()) (*dispatcher, error) {
	subscription, err := from.Subscribe(from.Revision())
	if err != nil {
		return nil, fmt.Errorf("subscribing to changes: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &dispatcher{
		engine:   from,
		values:   values,
		changed:  changed,
		stop:     stop,
		done:     make(chan struct{}),
		position: subscription.Revision(),
		indexed:  newIndexedWatchers(indexes),
		recent:   newRecentChanges(),
		watchers: map[*watcher]struct{}{},
	}
	go func() {
		defer close(d.done)
		d.run(ctx, subscription)
	}()
	return d, nil
}

// close ends all watchers and waits for them.
func (d *dispatcher) close() {
	d.stop()
	<-d.done
	d.mutex.Lock()
	d.closed = true
	for w := range d.watchers {
		w.cancel()
	}
	d.mutex.Unlock()
	d.running.Wait()
}

// run dispatches changes until ctx ends or the engine is closed.
func (d *dispatcher) run(ctx context.Context, subscription *engine.Subscription) {
	for {
		err := d.consume(ctx, subscription)
		if ctx.Err() != nil {
			return
		}
		// The subscription fails only if this goroutine did not run for as long as
		// history is retained. Each detached watcher reads on from the engine, which
		// knows whether its revision was compacted.
		klog.Background().Error(err, "Lost the subscription to changes, detaching all watchers")
		d.detachAll()
		if errors.Is(err, engine.ErrClosed) {
			return
		}
		if subscription, err = d.resubscribe(); err != nil {
			klog.Background().Error(err, "Failed to subscribe to changes again, watches read from the engine")
			return
		}
	}
}

func (d *dispatcher) consume(ctx context.Context, subscription *engine.Subscription) error {
	for {
		changes, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		for _, c := range changes {
			d.changed()
			d.dispatch(newChange(d.values, c))
		}
	}
}

func (d *dispatcher) resubscribe() (*engine.Subscription, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	subscription, err := d.engine.Subscribe(d.engine.Revision())
	if err != nil {
		return nil, err
	}
	d.position = subscription.Revision()
	return subscription, nil
}

// dispatch hands the change to the watchers that may select it. It never blocks: a
// watcher whose input is full is detached.
func (d *dispatcher) dispatch(c *change) {
	d.prepare(c)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.recent.add(c)
	d.indexed.forEach(c, func(w *watcher) {
		if c.revision <= w.after {
			return
		}
		if !w.nonblockingAdd(watchInput{change: c}) {
			d.detach(w, c.revision-1)
		}
	})
	d.position = c.revision
}

// prepare decodes the objects that the lookup of watchers needs, so that the mutex is
// not held meanwhile.
func (d *dispatcher) prepare(c *change) {
	d.mutex.Lock()
	pinned := d.indexed.anyPinned()
	d.mutex.Unlock()
	if pinned {
		c.decode()
	}
}

// detach removes a watcher that was handed all changes up to the revision. The watcher
// reads the next ones from the engine and attaches again once it has caught up.
func (d *dispatcher) detach(w *watcher, upTo engine.Revision) {
	d.indexed.remove(w)
	w.after = max(w.after, upTo)
	close(w.input)
}

// detachAll detaches all attached watchers.
func (d *dispatcher) detachAll() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for w := range d.watchers {
		if d.indexed.has(w) {
			d.detach(w, d.position)
		}
	}
}

// register adds the watcher to those that close ends and waits for. Each registered
// watcher must be unregistered.
func (d *dispatcher) register(w *watcher) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.closed {
		return errDispatcherClosed
	}
	d.watchers[w] = struct{}{}
	d.running.Add(1)
	return nil
}

func (d *dispatcher) unregister(w *watcher) {
	d.mutex.Lock()
	d.indexed.remove(w)
	delete(d.watchers, w)
	d.mutex.Unlock()
	d.running.Done()
}

// attach dispatches to the watcher the changes after the revision up to which it has
// seen all. It reports false if some of them were dispatched already.
func (d *dispatcher) attach(w *watcher, seen engine.Revision, buffer int) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if seen < d.position {
		return false
	}
	w.after = seen
	w.input = make(chan watchInput, buffer)
	d.indexed.add(w)
	return true
}

// recentChange returns the shared form of the change, if it is still kept.
func (d *dispatcher) recentChange(revision engine.Revision) (*change, bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.recent.get(revision)
}

// progress queues a bookmark for an attached watcher. If its input is full it has
// changes to send, and the bookmark is dropped.
func (d *dispatcher) progress(w *watcher) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.progressLocked(w)
}

func (d *dispatcher) progressLocked(w *watcher) {
	// A watcher may have begun above the position: the dispatcher lags a little
	// behind the engine, and a watch may ask for a future revision.
	if d.indexed.has(w) && d.position >= w.after {
		w.nonblockingAdd(watchInput{progress: d.position})
	}
}

// progressAll queues a bookmark for each watcher with ProgressNotify.
func (d *dispatcher) progressAll() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for w := range d.watchers {
		if w.options.ProgressNotify {
			d.progressLocked(w)
		}
	}
}

// recentSize is the number of changes kept for watchers that catch up.
const recentSize = 2048

// recentChanges is a ring of the newest changes in their shared form. Without it, many
// watchers that fall behind together would each decode the same changes, and fall
// further behind.
type recentChanges struct {
	ring [recentSize]*change
}

func newRecentChanges() *recentChanges { return &recentChanges{} }

// add replaces the oldest change.
func (r *recentChanges) add(c *change) { r.ring[c.revision%recentSize] = c }

func (r *recentChanges) get(revision engine.Revision) (*change, bool) {
	c := r.ring[revision%recentSize]
	return c, c != nil && c.revision == revision
}

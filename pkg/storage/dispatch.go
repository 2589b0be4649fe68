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

// errHubClosed ends watches when the store is closed.
var errHubClosed = fmt.Errorf("watching: %w", engine.ErrClosed)

// hub reads the engine's changes once and gives each to the watchers it is for,
// found by key, prefix and pinned field, so that a watcher costs a change that
// it is not interested in nothing.
type hub struct {
	engine *engine.Engine
	values *values
	// changed is told of each change.
	changed func()

	// stop ends the reading, done is closed when it has ended.
	stop context.CancelFunc
	done chan struct{}
	// running counts the goroutines of all watchers, joined or not.
	running sync.WaitGroup

	mutex  sync.Mutex
	closed bool
	// position is the revision up to which all changes were given out.
	position engine.Revision
	routes   *routes
	recent   *recentChanges
	// watchers are all watchers, joined or not.
	watchers map[*watcher]struct{}
}

func startHub(from *engine.Engine, values *values, indexes []Index, changed func()) (*hub, error) {
	subscription, err := from.Subscribe(from.Revision())
	if err != nil {
		return nil, fmt.Errorf("subscribing to changes: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &hub{
		engine:   from,
		values:   values,
		changed:  changed,
		stop:     stop,
		done:     make(chan struct{}),
		position: subscription.Revision(),
		routes:   newRoutes(indexes),
		recent:   newRecentChanges(),
		watchers: map[*watcher]struct{}{},
	}
	go func() {
		defer close(h.done)
		h.run(ctx, subscription)
	}()
	return h, nil
}

// close ends all watchers and waits for them.
func (h *hub) close() {
	h.stop()
	<-h.done
	h.mutex.Lock()
	h.closed = true
	for w := range h.watchers {
		w.cancel()
	}
	h.mutex.Unlock()
	h.running.Wait()
}

// run gives out changes until ctx ends or the engine is closed.
func (h *hub) run(ctx context.Context, subscription *engine.Subscription) {
	for {
		err := h.follow(ctx, subscription)
		if ctx.Err() != nil {
			return
		}
		// Only a hub that was kept from running for the whole retention gets
		// here. Each watcher now finds out for itself whether it can go on.
		klog.Background().Error(err, "Lost the feed of changes")
		h.scatter()
		if errors.Is(err, engine.ErrClosed) {
			return
		}
		if subscription, err = h.resubscribe(); err != nil {
			klog.Background().Error(err, "Cannot follow changes any more")
			return
		}
	}
}

func (h *hub) follow(ctx context.Context, subscription *engine.Subscription) error {
	for {
		changes, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		for _, c := range changes {
			h.changed()
			h.dispatch(newChange(h.values, c))
		}
	}
}

func (h *hub) resubscribe() (*engine.Subscription, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	subscription, err := h.engine.Subscribe(h.engine.Revision())
	if err != nil {
		return nil, err
	}
	h.position = subscription.Revision()
	return subscription, nil
}

// dispatch offers the change to whom it concerns. It never waits for a watcher.
func (h *hub) dispatch(c *change) {
	h.prepare(c)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.recent.add(c)
	h.routes.each(c, func(w *watcher) {
		if c.revision <= w.after {
			return
		}
		if !w.offer(notice{change: c}) {
			h.cut(w, c.revision-1)
		}
	})
	h.position = c.revision
}

// prepare decodes what routing will need, so that the mutex is not held for it.
func (h *hub) prepare(c *change) {
	h.mutex.Lock()
	pinned := h.routes.anyPinned()
	h.mutex.Unlock()
	if pinned {
		c.decode()
	}
}

// cut takes a watcher out that has been given everything up to the revision. It
// reads on from the engine by itself and may join again.
func (h *hub) cut(w *watcher, upTo engine.Revision) {
	h.routes.remove(w)
	w.after = max(w.after, upTo)
	close(w.notices)
}

// scatter cuts all joined watchers.
func (h *hub) scatter() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for w := range h.watchers {
		if h.routes.has(w) {
			h.cut(w, h.position)
		}
	}
}

// enter makes the hub know the watcher. Each that enters must leave.
func (h *hub) enter(w *watcher) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.closed {
		return errHubClosed
	}
	h.watchers[w] = struct{}{}
	h.running.Add(1)
	return nil
}

func (h *hub) leave(w *watcher) {
	h.mutex.Lock()
	h.routes.remove(w)
	delete(h.watchers, w)
	h.mutex.Unlock()
	h.running.Done()
}

// join makes the watcher get the changes after the revision, up to which it has
// seen all. It fails if there already were some since then.
func (h *hub) join(w *watcher, seen engine.Revision, buffer int) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if seen < h.position {
		return false
	}
	w.after = seen
	w.notices = make(chan notice, buffer)
	h.routes.add(w)
	return true
}

// known returns the shared form of a change, if it is recent.
func (h *hub) known(revision engine.Revision) (*change, bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.recent.get(revision)
}

// progress tells a joined watcher how far it is. When it has no room for that
// it has other things to do.
func (h *hub) progress(w *watcher) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.progressLocked(w)
}

func (h *hub) progressLocked(w *watcher) {
	// A watcher may have begun above the position: with the hub a little
	// behind, or at a revision that is yet to come.
	if h.routes.has(w) && h.position >= w.after {
		w.offer(notice{progress: h.position})
	}
}

// progressAll does the same for all that asked for progress.
func (h *hub) progressAll() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for w := range h.watchers {
		if w.options.ProgressNotify {
			h.progressLocked(w)
		}
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import "time"

// Observer is a set of callbacks for metrics; each may be nil. They are called
// in the middle of the store's work: they must be quick and must not call the
// store.
type Observer struct {
	// WatchStarted and WatchEnded are called for each watch.
	WatchStarted, WatchEnded func()
	// WatcherLagged is called when a watcher had no room for a change, so that
	// it has to read it again from the engine.
	WatcherLagged func()
	// WatcherStalled is called when a watcher is ended because its client took
	// nothing for too long.
	WatcherStalled func()
	// Changed is called for each change of the engine, once for all watchers.
	Changed func()
	// Undecodable is called when something that is stored cannot be decoded.
	Undecodable func()
	// Listed is called for each list with the field whose index it used, if
	// any, how many objects it looked at, how many it returned, and how long it
	// took.
	Listed func(index string, looked, returned int, took time.Duration)
}

// withDefaults makes all callbacks safe to call.
func (o Observer) withDefaults() Observer {
	for _, callback := range []*func(){&o.WatchStarted, &o.WatchEnded, &o.WatcherLagged, &o.WatcherStalled, &o.Changed, &o.Undecodable} {
		if *callback == nil {
			*callback = func() {}
		}
	}
	if o.Listed == nil {
		o.Listed = func(string, int, int, time.Duration) {}
	}
	return o
}

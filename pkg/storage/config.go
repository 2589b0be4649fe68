// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Config is the configuration of a Store. The first group of fields is required, the
// others have defaults.
type Config struct {
	// Engine stores the objects. It must have been opened with EngineIndexes of this
	// config and with KeySeparator. The caller closes it after the store.
	Engine *engine.Engine
	// Codec encodes objects to the stored form and decodes them from it.
	Codec runtime.Codec
	// NewFunc returns an empty object, for bookmarks.
	NewFunc func() runtime.Object
	// GroupResource names the objects in errors.
	GroupResource schema.GroupResource
	// ResourcePrefix is the prefix of the keys of all objects, like "/events".
	ResourcePrefix string

	// Versioner reads and sets the resource versions of objects, default
	// storage.APIObjectVersioner.
	Versioner storage.Versioner
	// Transformer encrypts what the codec wrote before it is stored, with the key of the
	// object as authenticated data. The default stores plaintext and refuses to read
	// encrypted objects.
	Transformer value.Transformer
	// Indexes are the indexed fields, the most selective first. The names of the
	// engine's indexes are made of their names in this order.
	Indexes []Index
	// IndexSecret, if set, is the key of the hash that replaces values in the indexes,
	// so that the indexes of encrypted objects hold no plaintext. Another secret, or
	// none, gives the engine other indexes, which it has to backfill.
	IndexSecret []byte
	// CopyInto, if set, does for an object that was just written what encoding it and
	// decoding the result into to would do, at less cost. It reports false if it cannot
	// copy the object.
	CopyInto func(from, to runtime.Object) bool
	// AllowUnsafeDelete allows the deletion of objects that cannot be read, and makes
	// lists name all such objects. It is the feature gate
	// AllowUnsafeMalformedObjectDeletion.
	AllowUnsafeDelete bool

	// BookmarkInterval is the time between bookmarks of a watch that allows them,
	// default 1 minute.
	BookmarkInterval time.Duration
	// ProgressInterval is the time between bookmarks of a watch with ProgressNotify,
	// default 5 seconds.
	ProgressInterval time.Duration
	// StallTimeout is for how long an event may wait for the client to read before the
	// watch is ended, default 30 seconds.
	StallTimeout time.Duration
	// WatchBuffer is the number of changes that are queued for a watcher before it has
	// to read them from the engine, default 1000.
	WatchBuffer int
	// RemainingCountLimit is the number of objects after a page up to which
	// remainingItemCount is counted, default 1000. Above it the count is an estimate.
	RemainingCountLimit int64
	// Observer receives callbacks for metrics.
	Observer Observer

	// sets are the Indexes grouped as the engine has them.
	sets []fieldSet
}

// Index is an indexed field.
type Index struct {
	// Field is the name of the field in field selectors.
	Field string
	// Value returns the value of the field. It must not change the object. An object
	// with the empty value is not in the index.
	Value func(obj runtime.Object) string
	// LowCardinality marks a field with few different values. All such fields share
	// one index of the engine; there should be no more than some thousand combinations
	// of their values.
	LowCardinality bool
}

// withDefaults returns the config with defaults for the fields that are not set.
func (c Config) withDefaults() Config {
	if c.Versioner == nil {
		c.Versioner = storage.APIObjectVersioner{}
	}
	if c.Transformer == nil {
		c.Transformer = identity.NewEncryptCheckTransformer()
	}
	if c.BookmarkInterval == 0 {
		c.BookmarkInterval = time.Minute
	}
	if c.ProgressInterval == 0 {
		c.ProgressInterval = 5 * time.Second
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = 30 * time.Second
	}
	if c.WatchBuffer == 0 {
		c.WatchBuffer = 1000
	}
	if c.RemainingCountLimit == 0 {
		c.RemainingCountLimit = 1000
	}
	c.Observer = c.Observer.withDefaults()
	c.sets = fieldSets(c.Indexes)
	return c
}

// values returns the codec of stored values. The config must have its defaults.
func (c Config) values() *valueCodec {
	return &valueCodec{
		codec:       c.Codec,
		copyInto:    c.CopyInto,
		versioner:   c.Versioner,
		transformer: c.Transformer,
		undecodable: c.Observer.Undecodable,
	}
}

func (c Config) validate() error {
	if c.Engine == nil || c.Codec == nil || c.NewFunc == nil {
		return errors.New("creating the store: Engine, Codec and NewFunc are required")
	}
	if !strings.HasPrefix(c.ResourcePrefix, "/") || c.ResourcePrefix == "/" {
		return fmt.Errorf("creating the store: resource prefix %q: want a path like /events", c.ResourcePrefix)
	}
	return nil
}

// Observer is a set of callbacks for metrics; each may be nil. They are called from the
// read and watch paths, so they must not block and must not call the store.
type Observer struct {
	// WatchStarted and WatchEnded are called for each watch.
	WatchStarted, WatchEnded func()
	// WatcherLagged is called when the buffer of a watcher is full, so that the watcher
	// has to read changes from the engine.
	WatcherLagged func()
	// WatcherStalled is called when a watch is ended because its client did not read
	// for Config.StallTimeout.
	WatcherStalled func()
	// Changed is called for each change of the engine, once for all watchers.
	Changed func()
	// Undecodable is called when a stored object cannot be decoded.
	Undecodable func()
	// Listed is called for each list, also for a failed one, with the field whose index
	// was used (empty for none), the numbers of objects evaluated and returned, and the
	// time that reading took.
	Listed func(index string, evaluated, returned int, took time.Duration)
}

// withDefaults replaces nil callbacks by ones that do nothing.
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

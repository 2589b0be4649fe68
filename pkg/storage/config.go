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

// Config says what a Store keeps and how. All but the first group have
// defaults.
type Config struct {
	// Engine keeps the bytes. It must have been opened with EngineIndexes of
	// this same config and KeySeparator, and must be closed after the store.
	Engine *engine.Engine
	// Codec encodes what is stored.
	Codec runtime.Codec
	// NewFunc makes the object of a bookmark.
	NewFunc func() runtime.Object
	// GroupResource names the objects in errors.
	GroupResource schema.GroupResource
	// ResourcePrefix is what the key of each object begins with, like "/events".
	ResourcePrefix string

	// Versioner moves revisions in and out of objects; nil is the one for
	// objects with metadata.
	Versioner storage.Versioner
	// Transformer seals what is stored; nil stores it as the codec wrote it.
	Transformer value.Transformer
	// Indexes are the fields by which objects are found, the most selective
	// first. The engine's data depends on their order and names.
	Indexes []Index
	// IndexSecret, when set, replaces values in index keys by a keyed hash, so
	// that the index of sealed objects tells no value. Under another secret, and
	// without one, the engine has other indexes, which it builds anew.
	IndexSecret []byte
	// CopyInto, when set, sets to to what Codec reads of what it wrote of from,
	// without the bytes between, so that whoever wrote an object gets it back at
	// little cost. It reports false when it cannot.
	CopyInto func(from, to runtime.Object) bool
	// AllowUnsafeDelete lets an object be deleted that cannot be read any more,
	// and makes lists name all such objects. It stands for the feature gate
	// AllowUnsafeMalformedObjectDeletion.
	AllowUnsafeDelete bool

	// BookmarkInterval is how often a watch that allows bookmarks gets one,
	// default 1 minute.
	BookmarkInterval time.Duration
	// ProgressInterval is the same for watches with ProgressNotify, default 5
	// seconds.
	ProgressInterval time.Duration
	// StallTimeout is how long a watcher may take nothing, with something to
	// take, before it is ended; default 30 seconds.
	StallTimeout time.Duration
	// WatchBuffer is how many changes wait for a watcher in memory before it
	// has to read them again from the engine, default 1000.
	WatchBuffer int
	// RemainingCountLimit is up to where the objects behind a page are looked at to
	// count them, default 1000. Beyond it the number is an estimate.
	RemainingCountLimit int64
	// Observer is told what happens, for metrics.
	Observer Observer

	// sets are the Indexes as the engine has them.
	sets []fieldSet
}

// Index is a field by which objects are found.
type Index struct {
	// Field is its name in field selectors.
	Field string
	// Value returns what the object has there. It must not change the object.
	// An object with the empty value is not in the index.
	Value func(obj runtime.Object) string
	// Few says that the objects have few different values there. All fields with
	// few values share one index of the engine, and the combinations of their
	// values should be no more than some thousand.
	Few bool
}

// withDefaults fills what is not set.
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

// values returns what turns objects into stored bytes and back. The config must
// have its defaults.
func (c Config) values() *values {
	return &values{
		codec:       c.Codec,
		copyInto:    c.CopyInto,
		versioner:   c.Versioner,
		transformer: c.Transformer,
		undecodable: c.Observer.Undecodable,
	}
}

func (c Config) validate() error {
	if c.Engine == nil || c.Codec == nil || c.NewFunc == nil {
		return errors.New("creating the store: Engine, Codec and NewFunc are needed")
	}
	if !strings.HasPrefix(c.ResourcePrefix, "/") || c.ResourcePrefix == "/" {
		return fmt.Errorf("creating the store: resource prefix %q: want a path like /events", c.ResourcePrefix)
	}
	return nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/pkg/storage/encryption"
	"github.com/events-apiserver/events-apiserver/pkg/storage/entries"
)

// Content says what a store keeps.
type Content struct {
	// Root is what all keys begin with, like /events-apiserver.
	Root string
	// Objects are those that the API serves.
	Objects Kind
	// EncodeVersioner is the version in which Objects are stored.
	EncodeVersioner runtime.GroupVersioner
	// Entries says how commands read what is stored.
	Entries entries.Content
}

// Kind is one kind of objects in a store.
type Kind struct {
	// Resource names the objects in errors and metrics.
	Resource schema.GroupResource
	// Prefix is what their keys begin with, like /events-apiserver/events.
	Prefix string
	// Codec reads and writes them. CopyInto, when set, does both without the bytes
	// between, see storage.Config.
	Codec    runtime.Codec
	CopyInto func(from, to runtime.Object) bool
	// Indexes are the fields by which they are found.
	Indexes []storage.Index
}

// config is that of the kind in any store.
func (k Kind) config() storage.Config {
	return storage.Config{
		Codec:          k.Codec,
		CopyInto:       k.CopyInto,
		GroupResource:  k.Resource,
		ResourcePrefix: k.Prefix,
		Indexes:        k.Indexes,
	}
}

// Config says where a store keeps its data, and how much it may use.
type Config struct {
	// Dir is the data directory, made if it is not there. One process alone may
	// use it.
	Dir string
	// Metrics is where the metrics of the store are registered; nil is a registry
	// that nothing serves.
	Metrics *metrics.Registry
	// DeleteCollectionWorkers is how many objects of a collection are deleted at
	// once.
	DeleteCollectionWorkers int
	// EnableGarbageCollection lets deletions leave dependents to the garbage
	// collector of the cluster.
	EnableGarbageCollection bool
	// CountMetricPollPeriod is how often the number of objects is measured.
	CountMetricPollPeriod time.Duration
	// HistoryRetention is how long old revisions stay readable at least; default 5
	// minutes.
	HistoryRetention time.Duration
	// Encryption keeps objects secret on disk.
	Encryption encryption.Config
	// BlockCacheBytes, WriteBufferBytes and WatchBufferBytes bound the memory of
	// the store, see engine.Config; 0 is its default.
	BlockCacheBytes, WriteBufferBytes, WatchBufferBytes int64
	// MinFreeDiskBytes is the free space below which writes are refused; 0 is the
	// engine's default, and negative means not before there is none.
	MinFreeDiskBytes int64
	// ClockJumpHold is how long the clock must stay after a jump before objects
	// expire by it; 0 is the engine's default, and negative believes each jump at once.
	ClockJumpHold time.Duration
	// RestartHelps is called when the disk, having refused a write, accepts writes
	// again: this process cannot write any more, the next one can. Nil does nothing.
	RestartHelps func(reason error)

	// fs is for tests that break the disk; nil is the machine's.
	fs vfs.FS
}

// DefaultConfig returns a config without a directory, with the sizes and times that
// the store has by default.
func DefaultConfig() Config {
	defaults := engine.Defaults()
	return Config{
		HistoryRetention: defaults.HistoryRetention,
		BlockCacheBytes:  defaults.CacheBytes,
		WriteBufferBytes: defaults.MemTableBytes,
		WatchBufferBytes: defaults.ChangeBufferBytes,
		MinFreeDiskBytes: defaults.MinFreeBytes,
		ClockJumpHold:    defaults.ClockJumpHold,
	}
}

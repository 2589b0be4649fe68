// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/registry/generic"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
	eventsv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/local"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

// embeddedPrefix is what all keys begin with. It shows in error messages and is
// that of the etcd store.
const embeddedPrefix = "/events-apiserver/events"

// EmbeddedConfig says where an embedded store keeps its data.
type EmbeddedConfig struct {
	// Dir is the data directory, made if it is not there. One process alone may
	// use it.
	Dir string
	// DeleteCollectionWorkers is how many events of a collection are deleted at
	// once.
	DeleteCollectionWorkers int
	// EnableGarbageCollection lets deletions leave dependents to the garbage
	// collector of the cluster.
	EnableGarbageCollection bool
	// CountMetricPollPeriod is how often the number of events is measured.
	CountMetricPollPeriod time.Duration
	// Retention is how long old revisions stay readable at least; default 5
	// minutes.
	Retention time.Duration
	// Encryption keeps events secret on disk.
	Encryption Encryption
	// BlockCacheBytes, WriteBufferBytes and WatchFeedBytes bound the memory of
	// the store, see engine.Config; 0 is its default.
	BlockCacheBytes, WriteBufferBytes, WatchFeedBytes int64
	// MinFreeDiskBytes is the free space below which writes are refused; 0 is the
	// engine's default, and negative means not before there is none.
	MinFreeDiskBytes int64
	// ClockJumpHold is how long the clock must stay after a jump before events expire
	// by it; 0 is the engine's default, and negative believes each jump at once.
	ClockJumpHold time.Duration
	// RestartHelps is called when the disk, having refused a write, takes writes
	// again: this process will not write any more, the next one can. Nil does
	// nothing.
	RestartHelps func(reason error)

	// fs is for tests that break the disk; nil is the machine's.
	fs vfs.FS
}

// DefaultEmbeddedConfig returns a config without a directory, with the sizes and
// times that the store has by default.
func DefaultEmbeddedConfig() EmbeddedConfig {
	defaults := engine.Defaults()
	return EmbeddedConfig{
		Retention:        defaults.Retention,
		BlockCacheBytes:  defaults.CacheBytes,
		WriteBufferBytes: defaults.MemTableBytes,
		WatchFeedBytes:   defaults.FeedBytes,
		MinFreeDiskBytes: defaults.MinFreeBytes,
		ClockJumpHold:    defaults.ClockJumpHold,
	}
}

// EmbeddedStore keeps events in this process, on the disk of this machine. It
// is a RESTOptionsGetter, the seam between the registry and its store.
type EmbeddedStore struct {
	config  EmbeddedConfig
	api     *API
	codec   storedform.Codec
	engine  *engine.Engine
	keeper  *keeper
	metrics *metrics.Store
	// failed is closed when the disk refused a write; the engine takes no further
	// one then.
	failed chan struct{}
	// stop ends what runs beside the engine, which is counted by running.
	stop    context.CancelFunc
	running sync.WaitGroup
	// operators is nil where the file system has no sockets.
	operators *storeadmin.Server
}

var _ generic.RESTOptionsGetter = (*EmbeddedStore)(nil)

// OpenEmbeddedStore opens the data directory. The caller closes the store after
// the server has ended.
func (a *API) OpenEmbeddedStore(config EmbeddedConfig) (*EmbeddedStore, error) {
	codec, err := a.storedForm()
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	store := &EmbeddedStore{config: config, api: a, codec: codec, failed: make(chan struct{})}
	if store.metrics, err = metrics.NewStore(); err != nil {
		return nil, err
	}
	if store.keeper, err = newKeeper(ctx, config.Dir, config.Encryption); err != nil {
		return nil, err
	}
	store.engine, err = engine.Open(engine.Config{
		Dir:           config.Dir,
		FS:            config.fs,
		Indexes:       store.storageConfig(nil, schema.GroupResource{}).EngineIndexes(),
		Separator:     storage.KeySeparator,
		Listener:      store.metrics.Listener(store.listener()),
		Retention:     config.Retention,
		CacheBytes:    config.BlockCacheBytes,
		MemTableBytes: config.WriteBufferBytes,
		FeedBytes:     config.WatchFeedBytes,
		MinFreeBytes:  config.MinFreeDiskBytes,
		ClockJumpHold: config.ClockJumpHold,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory: %w", err)
	}
	if err := errors.Join(store.metrics.Read(embeddedFigures{store}), store.keeper.keep(ctx)); err != nil {
		return nil, errors.Join(err, store.engine.Close())
	}
	store.keeper.start()
	store.watchDisk()
	store.serveOperators()
	return store, nil
}

// Close closes the data directory.
func (s *EmbeddedStore) Close() error {
	err := s.endOperators()
	s.keeper.end()
	s.stop()
	s.running.Wait()
	if err := errors.Join(err, s.engine.Close()); err != nil {
		return fmt.Errorf("closing the data directory: %w", err)
	}
	return nil
}

// GetRESTOptions returns what the registry needs to use the store.
func (s *EmbeddedStore) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	backend := storagebackend.NewDefaultConfig("", s.codec)
	backend.EncodeVersioner = runtime.NewMultiGroupVersioner(eventsv1.SchemeGroupVersion(), schema.GroupKind{Group: resource.Group})
	return generic.RESTOptions{
		StorageConfig:           backend.ForResource(resource),
		Decorator:               s.decorate,
		DeleteCollectionWorkers: s.config.DeleteCollectionWorkers,
		EnableGarbageCollection: s.config.EnableGarbageCollection,
		CountMetricPollPeriod:   s.config.CountMetricPollPeriod,
		ResourcePrefix:          embeddedPrefix,
	}, nil
}

// decorate has the form of a generic.StorageDecorator. What the registry tells
// about indexes was told to the engine when it was opened.
func (s *EmbeddedStore) decorate(config *storagebackend.ConfigForResource, _ string, _ func(runtime.Object) (string, error), newFunc, _ func() runtime.Object,
	_ apiserverstorage.AttrFunc, _ apiserverstorage.IndexerFuncs, _ *cache.Indexers,
) (apiserverstorage.Interface, factory.DestroyFunc, error) {
	store, destroy, err := storage.New(s.storageConfig(newFunc, config.GroupResource))
	if err != nil {
		return nil, nil, fmt.Errorf("starting the embedded store: %w", err)
	}
	return store, destroy, nil
}

// BridgeStores opens what the bridge to the host cluster has in the store. Call
// Destroy before the store is closed.
func (s *EmbeddedStore) BridgeStores() (BridgeStores, error) {
	config := s.storageConfig(func() runtime.Object { return &events.Event{} }, events.Resource("events"))
	// What happens in the store is counted once, by the one that the registry has.
	config.Observer = storage.Observer{}
	eventStore, destroyEvents, err := storage.New(config)
	if err != nil {
		return BridgeStores{}, err
	}
	prefix := path.Join(path.Dir(embeddedPrefix), local.Resource)
	config = s.storageConfig(local.NewRecord, schema.GroupResource{Resource: local.Resource})
	config.Codec, config.CopyInto, config.ResourcePrefix, config.Indexes = local.RecordCodec{}, nil, prefix, nil
	outbox, destroyOutbox, err := storage.New(config)
	if err != nil {
		destroyEvents()
		return BridgeStores{}, err
	}
	return BridgeStores{
		Events: local.NewEvents(eventStore, embeddedPrefix),
		Outbox: local.NewOutbox(outbox, prefix),
		Destroy: func() {
			destroyOutbox()
			destroyEvents()
		},
	}, nil
}

func (s *EmbeddedStore) storageConfig(newFunc func() runtime.Object, resource schema.GroupResource) storage.Config {
	config := storage.Config{
		Engine:         s.engine,
		Codec:          s.codec,
		CopyInto:       s.codec.CopyInto,
		NewFunc:        newFunc,
		GroupResource:  resource,
		ResourcePrefix: embeddedPrefix,
		Transformer:    s.keeper.encryption.Transformer,
		IndexSecret:    s.keeper.secret,

		AllowUnsafeDelete: utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion),
	}
	if s.metrics != nil {
		config.Observer = s.metrics.Observer(events.Resource("events"))
	}
	for _, field := range event.IndexedFields() {
		config.Indexes = append(config.Indexes, storage.Index{Field: field.Label, Value: field.Value, Few: field.Few})
	}
	return config
}

func (s *EmbeddedStore) listener() engine.Listener {
	return engine.Listener{
		Failed: func(err error) {
			close(s.failed)
			klog.ErrorS(err, "The disk refused a write; no more are taken until the server starts anew, which it does when the disk is well")
		},
		Space: func(refusing bool, freeBytes uint64) {
			if refusing {
				klog.ErrorS(nil, "The disk is nearly full; writes are refused until there is room: make some", "dir", s.config.Dir, "freeBytes", freeBytes)
				return
			}
			klog.InfoS("The disk has room again; writes are taken", "dir", s.config.Dir, "freeBytes", freeBytes)
		},
		ClockJumped: func(by time.Duration) {
			klog.ErrorS(nil, "The clock of this machine has jumped; no event expires by it until it has stayed there, or come back: see to NTP", "by", by, "hold", s.config.ClockJumpHold)
		},
		ClockTrusted: func(jump time.Duration, stayed bool) {
			if stayed {
				klog.InfoS("The clock has stayed where it jumped to; events expire by it from now on", "by", jump)
				return
			}
			klog.InfoS("The clock has come back; events expire by it again", "by", jump)
		},
		BackgroundError: func(doing string, err error) {
			klog.ErrorS(err, "Background work of the store failed; it is tried again", "doing", doing)
		},
		Compacted: func(horizon engine.Revision, changes int, took time.Duration) {
			klog.V(2).InfoS("Compacted", "horizon", horizon, "changes", changes, "took", took)
		},
		IndexBuilt: func(name string, took time.Duration) {
			klog.V(2).InfoS("Built an index", "name", name, "took", took)
		},
		IndexUndecided: func(name string, keys int, reason error) {
			klog.ErrorS(reason, "Some events cannot be read; every list by this index looks at them, and fails if they cannot be read then", "index", name, "events", keys)
		},
	}
}

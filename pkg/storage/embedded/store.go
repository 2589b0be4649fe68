// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/registry/generic"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/cache"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/pkg/storage/encryption"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

// Store keeps objects in this process, on the disk of this machine. It is a
// RESTOptionsGetter, the seam between the registry and its store.
type Store struct {
	content Content
	config  Config
	engine  *engine.Engine
	keys    *encryption.KeyManager
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

var _ generic.RESTOptionsGetter = (*Store)(nil)

// Open opens the data directory. The caller closes the store after the server has
// ended.
func Open(content Content, config Config) (*Store, error) {
	s := &Store{content: content, config: config, failed: make(chan struct{})}
	if s.config.Metrics == nil {
		s.config.Metrics = metrics.NewRegistry()
	}
	var err error
	if s.metrics, err = s.config.Metrics.NewStore(); err != nil {
		return nil, err
	}
	ctx := context.Background()
	if s.keys, err = encryption.NewKeyManager(ctx, config.Dir, config.Encryption); err != nil {
		return nil, err
	}
	if s.engine, err = engine.Open(s.engineConfig()); err != nil {
		return nil, fmt.Errorf("opening the data directory: %w", err)
	}
	if err := errors.Join(s.metrics.Read(figures{s}), s.keys.Start(ctx)); err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	s.watchDisk()
	s.serveOperators()
	return s, nil
}

func (s *Store) engineConfig() engine.Config {
	return engine.Config{
		Dir:               s.config.Dir,
		FS:                s.config.fs,
		Indexes:           s.storageConfig(s.content.Objects).EngineIndexes(),
		Separator:         storage.KeySeparator,
		Listener:          s.metrics.Listener(s.listener()),
		HistoryRetention:  s.config.HistoryRetention,
		CacheBytes:        s.config.BlockCacheBytes,
		MemTableBytes:     s.config.WriteBufferBytes,
		ChangeBufferBytes: s.config.WatchBufferBytes,
		MinFreeBytes:      s.config.MinFreeDiskBytes,
		ClockJumpHold:     s.config.ClockJumpHold,
	}
}

// Close closes the data directory.
func (s *Store) Close() error {
	err := s.endOperators()
	s.keys.Stop()
	s.stop()
	s.running.Wait()
	if err := errors.Join(err, s.engine.Close()); err != nil {
		return fmt.Errorf("closing the data directory: %w", err)
	}
	return nil
}

// GetRESTOptions returns what the registry needs to use the store.
func (s *Store) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	backend := storagebackend.NewDefaultConfig("", s.content.Objects.Codec)
	backend.EncodeVersioner = s.content.EncodeVersioner
	return generic.RESTOptions{
		StorageConfig:           backend.ForResource(resource),
		Decorator:               s.decorate,
		DeleteCollectionWorkers: s.config.DeleteCollectionWorkers,
		EnableGarbageCollection: s.config.EnableGarbageCollection,
		CountMetricPollPeriod:   s.config.CountMetricPollPeriod,
		ResourcePrefix:          s.content.Objects.Prefix,
	}, nil
}

// decorate has the form of a generic.StorageDecorator. The indexes of the registry
// are those of the Content, which the engine was opened with.
func (s *Store) decorate(config *storagebackend.ConfigForResource, _ string, _ func(runtime.Object) (string, error), newFunc, _ func() runtime.Object,
	_ apiserverstorage.AttrFunc, _ apiserverstorage.IndexerFuncs, _ *cache.Indexers,
) (apiserverstorage.Interface, factory.DestroyFunc, error) {
	objects := s.storageConfig(s.content.Objects)
	objects.NewFunc = newFunc
	objects.GroupResource = config.GroupResource
	objects.Observer = s.metrics.Observer(s.content.Objects.Resource)
	store, destroy, err := storage.New(objects)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the embedded store: %w", err)
	}
	return store, destroy, nil
}

// OpenKind returns a view of one kind of objects in the store, which the metrics do
// not count. Only Objects of the Content may have indexes.
func (s *Store) OpenKind(kind Kind, newFunc func() runtime.Object) (apiserverstorage.Interface, factory.DestroyFunc, error) {
	config := s.storageConfig(kind)
	config.NewFunc = newFunc
	return storage.New(config)
}

// storageConfig is that of a kind in this store.
func (s *Store) storageConfig(kind Kind) storage.Config {
	config := kind.config()
	config.Engine = s.engine
	config.Transformer = s.keys.Transformer()
	config.IndexSecret = s.keys.Secret()
	config.AllowUnsafeDelete = utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion)
	return config
}

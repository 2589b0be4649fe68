// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Store is a storage.Interface over an engine.
type Store struct {
	config     Config
	engine     *engine.Engine
	values     *valueCodec
	dispatcher *dispatcher

	sizeMutex    sync.Mutex
	sizeEstimate bool
}

var _ storage.Interface = (*Store)(nil)

// New returns a store and a function that closes it and ends all its watches; it may be
// called more than once. The caller closes the engine after that. An error is returned
// if a required field of the config is not set or invalid, or the engine is closed.
func New(config Config) (storage.Interface, func(), error) {
	config = config.withDefaults()
	if !config.AllowUnsafeDelete {
		store, err := newStore(config)
		if err != nil {
			return nil, nil, err
		}
		return store, store.close, nil
	}
	config.Transformer = corruptionMarker{config.Transformer}
	store, err := newStore(config)
	if err != nil {
		return nil, nil, err
	}
	return unsafeDeleter{store}, store.close, nil
}

func newStore(config Config) (*Store, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	store := &Store{
		config: config,
		engine: config.Engine,
		values: config.values(),
	}
	store.values.markCorrupt = config.AllowUnsafeDelete
	dispatcher, err := startDispatcher(store.engine, store.values, config.Indexes, config.Observer.Changed)
	if err != nil {
		return nil, fmt.Errorf("creating the store: %w", err)
	}
	store.dispatcher = dispatcher
	return store, nil
}

// close ends all watches and waits for them.
func (s *Store) close() { s.dispatcher.close() }

// Versioner implements storage.Interface.
func (s *Store) Versioner() storage.Versioner { return s.config.Versioner }

// Create implements storage.Interface.
func (s *Store) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	if revision, err := s.config.Versioner.ObjectResourceVersion(obj); err == nil && revision != 0 {
		return storage.ErrResourceVersionSetOnCreate
	}
	data, err := s.values.encode(obj)
	if err != nil {
		return err
	}
	revision, err := s.write(ctx, key, obj, data, engine.Absent(), ttl)
	if conflict := new(engine.ConflictError); errors.As(err, &conflict) {
		return storage.NewKeyExistsError(key, 0)
	}
	if err != nil {
		return writeError(err)
	}
	if out == nil {
		return nil
	}
	return s.values.writtenInto(obj, data, out, revision)
}

// write seals the data of the object and commits it. Errors of the engine are returned
// unconverted.
func (s *Store) write(ctx context.Context, key string, obj runtime.Object, data []byte, expect engine.Expectation, ttl uint64) (engine.Revision, error) {
	sealed, err := s.values.seal(ctx, key, data)
	if err != nil {
		return 0, err
	}
	return s.engine.Commit(ctx, engine.Op{
		Key:         []byte(key),
		Value:       sealed,
		Expect:      expect,
		Deadline:    s.deadline(ttl),
		IndexValues: s.config.indexValues(obj),
	})
}

// deadline returns the time at which an object with the time to live, in seconds,
// expires. A ttl of zero means that it never does.
func (s *Store) deadline(ttl uint64) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return s.engine.Deadline(time.Duration(ttl) * time.Second) //nolint:gosec // no life is longer than 292 years
}

// Get implements storage.Interface.
func (s *Store) Get(ctx context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	record, revision, err := s.engine.Get(ctx, []byte(key), 0)
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return readError(err)
	}
	if tooNew := s.checkNotOlderThan(opts.ResourceVersion, revision); tooNew != nil {
		return tooNew
	}
	if err != nil {
		if opts.IgnoreNotFound {
			return runtime.SetZeroValue(out)
		}
		return storage.NewKeyNotFoundError(key, 0)
	}
	data, _, err := s.values.open(ctx, key, record.Value)
	if err != nil {
		return storage.NewInternalError(err)
	}
	return s.values.decodeInto(data, out, record.Revision)
}

// ReadinessCheck implements storage.Interface.
func (s *Store) ReadinessCheck() error { return nil }

// GetCurrentResourceVersion implements storage.Interface.
func (s *Store) GetCurrentResourceVersion(context.Context) (uint64, error) {
	return uint64(s.engine.Revision()), nil
}

// CompactRevision implements storage.Interface.
func (s *Store) CompactRevision() int64 {
	revision := s.engine.CompactRevision()
	if revision <= 1 {
		// Nothing was compacted yet: no revision is below the first.
		return 0
	}
	return int64(revision) //nolint:gosec // revisions count commits
}

// RequestWatchProgress implements storage.Interface.
func (s *Store) RequestWatchProgress(context.Context) error {
	s.dispatcher.progressAll()
	return nil
}

// KeySeparator separates the resource, the namespace and the name in keys. The engine
// counts keys by the prefixes that end with it.
const KeySeparator byte = '/'

// prepareKey checks the key of a request. It ends a recursive one with a slash, so that
// "/events/a" does not select keys of "/events/ab".
func (s *Store) prepareKey(key string, recursive bool) (string, error) {
	return storage.PrepareKey(s.resourceRoot(), key, recursive)
}

// resourceRoot returns the prefix of all keys of the resource, with a slash at its end.
func (s *Store) resourceRoot() string { return resourceRoot(s.config.ResourcePrefix) }

func resourceRoot(prefix string) string {
	if prefix[len(prefix)-1] == '/' {
		return prefix
	}
	return prefix + "/"
}

// checkNotOlderThan returns an error if the revision is older than the resource version
// of the request: the client has seen newer data.
func (s *Store) checkNotOlderThan(resourceVersion string, revision engine.Revision) error {
	if resourceVersion == "" {
		return nil
	}
	wanted, err := s.config.Versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %v", err))
	}
	if wanted > uint64(revision) {
		return storage.NewTooLargeResourceVersionError(wanted, uint64(revision), 0)
	}
	return nil
}

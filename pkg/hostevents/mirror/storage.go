// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Bridge makes writes in the host; *hostevents.Bridge implements it.
type Bridge interface {
	Lock(key hostevents.Key) (unlock func())
	Create(ctx context.Context, event *events.Event) (*events.Event, error)
	Update(ctx context.Context, stored, updated *events.Event) (*events.Event, error)
	Delete(ctx context.Context, stored *events.Event, unchanged bool) error
	DeletedMeanwhile(ctx context.Context, made *events.Event) (deleted bool, err error)
	AddTombstone(stored *events.Event)
	Moved(ctx context.Context, key hostevents.Key, otherwise error) error
	Ingest(ctx context.Context, moved *hostevents.MovedError) error
	TryCreate(ctx context.Context, event *events.Event) error
	TryUpdate(ctx context.Context, updated *events.Event) error
	TryDelete(ctx context.Context, stored *events.Event) error
	NameMayBeFree(stored *events.Event) bool
	NameIsFree(stored *events.Event) bool
	ExpiredInHost(stored *events.Event) bool
}

// Storage is a storage.Interface that mirrors what it writes. Reads go to the
// store alone.
type Storage struct {
	storage.Interface
	bridge Bridge
}

// New returns a storage that mirrors the writes into store.
func New(store storage.Interface, bridge Bridge) *Storage {
	return &Storage{Interface: store, bridge: bridge}
}

// attempts is how often a write is tried on new states of the host.
const attempts = 8

// retryOnMoved calls write, and again after each MovedError, once the host's state is
// ingested.
func (s *Storage) retryOnMoved(ctx context.Context, key hostevents.Key, write func() error) error {
	var err error
	for range attempts {
		err = write()
		var moved *hostevents.MovedError
		if !errors.As(err, &moved) {
			return err
		}
		if err := s.bridge.Ingest(ctx, moved); err != nil {
			return err
		}
	}
	return apierrors.NewConflict(events.Resource("events"), key.Name, err)
}

// keyOf returns the event of a key in the store, from its last two parts.
func keyOf(key string) (hostevents.Key, error) {
	rest, name, ok := cutLast(key)
	if ok {
		if _, namespace, ok := cutLast(rest); ok {
			return hostevents.Key{Namespace: namespace, Name: name}, nil
		}
	}
	return hostevents.Key{}, storage.NewInternalError(fmt.Errorf("%q is no key of an event", key))
}

func cutLast(key string) (before, last string, ok bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", "", false
	}
	return key[:i], key[i+1:], true
}

func eventOf(obj runtime.Object) (*events.Event, error) {
	event, ok := obj.(*events.Event)
	if !ok {
		return nil, storage.NewInternalError(fmt.Errorf("mirroring a %T, which is no event", obj))
	}
	return event, nil
}

// read returns the stored event, or nil.
func (s *Storage) read(ctx context.Context, key string) (*events.Event, error) {
	stored := &events.Event{}
	err := s.Get(ctx, key, storage.GetOptions{}, stored)
	if storage.IsNotFound(err) {
		return nil, nil
	}
	return stored, err
}

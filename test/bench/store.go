// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	servercmd "github.com/events-apiserver/events-apiserver/pkg/cmd/server"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

// week is how long events live in all measurements but that of expiry.
const week = 7 * 24 * 60 * 60

// store is a storage.Interface under measurement.
type store struct {
	apiserverstorage.Interface
	codec runtime.Codec
	close func() error
}

// storeFlags select the store, as flags of a worker.
type storeFlags struct {
	// Dir is the data directory of an embedded store; empty for etcd.
	Dir string
	// EtcdURL and EtcdPID are the address and the process of an etcd.
	EtcdURL string
	EtcdPID int
}

func newEvent() runtime.Object     { return &events.Event{} }
func newEventList() runtime.Object { return &events.EventList{} }

func eventsResource() schema.GroupResource { return events.Resource("events") }

func (f storeFlags) open() (*store, error) {
	api, err := apiserver.NewAPI()
	if err != nil {
		return nil, err
	}
	codec, err := api.StorageCodec()
	if err != nil {
		return nil, err
	}
	if f.Dir == "" {
		return f.openEtcd(codec)
	}
	return f.openEmbedded(api, codec)
}

// openEmbedded assembles the store as the server does, with the server's
// settings.
func (f storeFlags) openEmbedded(api *apiserver.API, codec runtime.Codec) (*store, error) {
	servercmd.LimitGarbage()
	opened, err := api.OpenEmbeddedStore(embedded.Config{Dir: f.Dir})
	if err != nil {
		return nil, err
	}
	options, err := opened.GetRESTOptions(eventsResource(), newEvent())
	if err != nil {
		return nil, err
	}
	storage, destroy, err := options.Decorator(options.StorageConfig, options.ResourcePrefix, nil, newEvent, newEventList, nil, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the embedded store: %w", err)
	}
	return &store{Interface: storage, codec: codec, close: func() error {
		destroy()
		return opened.Close()
	}}, nil
}

// openEtcd makes the etcd3 store without a watch cache before it: the cache
// would only add to the cost of a write, and lists from it are not from the
// store.
func (f storeFlags) openEtcd(codec runtime.Codec) (*store, error) {
	config := storagebackend.NewDefaultConfig("/", codec)
	config.Transport.ServerList = []string{f.EtcdURL}
	storage, destroy, err := factory.Create(*config.ForResource(eventsResource()), newEvent, newEventList, keyPrefix)
	if err != nil {
		return nil, fmt.Errorf("opening the etcd3 store: %w", err)
	}
	return &store{Interface: storage, codec: codec, close: func() error {
		destroy()
		return nil
	}}, nil
}

// create stores event i.
func (s *store) create(ctx context.Context, g *generator, i int, ttl uint64) error {
	key, event := g.event(i)
	if err := s.Create(ctx, key, event, &events.Event{}, ttl); err != nil {
		return fmt.Errorf("creating event %d: %w", i, err)
	}
	return nil
}

// ofPod selects the events about one pod, as --field-selector regarding.uid=...
func ofPod(pod int) apiserverstorage.SelectionPredicate {
	return predicate(fields.OneTermEqualSelector("regarding.uid", string(podUID(pod))))
}

func predicate(field fields.Selector) apiserverstorage.SelectionPredicate {
	return apiserverstorage.SelectionPredicate{Label: labels.Everything(), Field: field, GetAttrs: attributes}
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	event, ok := obj.(*events.Event)
	if !ok {
		return nil, nil, fmt.Errorf("%T is not an event", obj)
	}
	return event.Labels, fields.Set{"regarding.uid": string(event.Regarding.UID)}, nil
}

// list reads one page and returns it with how long it took.
func (s *store) list(ctx context.Context, p apiserverstorage.SelectionPredicate) (*events.EventList, time.Duration, error) {
	list := &events.EventList{}
	begun := time.Now()
	err := s.GetList(ctx, keyPrefix, apiserverstorage.ListOptions{Predicate: p, Recursive: true}, list)
	if err != nil {
		return nil, 0, fmt.Errorf("listing: %w", err)
	}
	return list, time.Since(begun), nil
}

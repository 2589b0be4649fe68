// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/kubehost"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/local"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/mirror"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
)

// HostEventsConfig is how events and the core/v1 events of the host cluster are kept
// one set.
type HostEventsConfig struct {
	// Mode is any but hostevents.ModeOff.
	Mode hostevents.Mode
	// Timeout is how long a write waits for the host cluster.
	Timeout time.Duration
	// TTL is how long the host cluster keeps an event after its last write.
	TTL time.Duration
	// LeaseNamespace and LeaseName name the Lease by which one of several replicas
	// is elected to ingest.
	LeaseNamespace, LeaseName string
}

// singleIdentity is the identity in the Lease where the store belongs to one
// process: the owner of the data directory is the leader, and need not wait for a
// predecessor that was killed.
const singleIdentity = "owner-of-the-data-directory"

// BridgeStores is what the bridge to the host cluster has in the store: events,
// below everything that the registry does, and its outbox.
type BridgeStores struct {
	Events *local.Events
	Outbox *local.Outbox
	// Destroy frees both.
	Destroy func()
	// shared is set where several processes write to the store.
	shared bool
}

// singleStore is a store of one process.
type singleStore interface {
	BridgeStores() (BridgeStores, error)
}

var _ singleStore = (*EmbeddedStore)(nil)

// openSharedStores opens the stores of the bridge in the etcd of the options, without
// the watch cache, because other replicas write there, too.
func openSharedStores(options *generic.RESTOptions) (BridgeStores, error) {
	eventPrefix := "/" + strings.Trim(options.ResourcePrefix, "/")
	newEvent, newEventList := func() runtime.Object { return &events.Event{} }, func() runtime.Object { return &events.EventList{} }
	eventStore, destroyEvents, err := generic.NewRawStorage(options.StorageConfig, newEvent, newEventList, eventPrefix)
	if err != nil {
		return BridgeStores{}, err
	}
	config := *options.StorageConfig
	config.Codec = local.RecordCodec{}
	prefix := "/" + local.Resource
	outbox, destroyOutbox, err := generic.NewRawStorage(&config, local.NewRecord, local.NewRecordList, prefix)
	if err != nil {
		destroyEvents()
		return BridgeStores{}, err
	}
	return BridgeStores{
		Events: local.NewEvents(eventStore, eventPrefix),
		Outbox: local.NewOutbox(outbox, prefix),
		Destroy: func() {
			destroyOutbox()
			destroyEvents()
		},
		shared: true,
	}, nil
}

// bridgeStores opens the stores of the bridge behind getter.
func (c CompletedConfig) bridgeStores(getter generic.RESTOptionsGetter) (BridgeStores, error) {
	if single, ok := c.generic.RESTOptionsGetter.(singleStore); ok {
		return single.BridgeStores()
	}
	options, err := getter.GetRESTOptions(events.Resource("events"), &events.Event{})
	if err != nil {
		return BridgeStores{}, err
	}
	return openSharedStores(&options)
}

// newBridge builds the bridge. It runs with the hooks of addBridgeHooks.
func (c CompletedConfig) newBridge(stores *BridgeStores) (*hostevents.Bridge, error) {
	host, err := kubehost.New(c.client)
	if err != nil {
		return nil, err
	}
	identity := singleIdentity
	if stores.shared {
		if identity, err = kubehost.ProcessIdentity(); err != nil {
			return nil, err
		}
	}
	elect, err := kubehost.LeaseElection(c.client, c.hostEvents.LeaseNamespace, c.hostEvents.LeaseName, identity)
	if err != nil {
		return nil, err
	}
	return hostevents.New(hostevents.Config{
		Mode:      c.hostEvents.Mode,
		Host:      host,
		Local:     stores.Events,
		Outbox:    stores.Outbox,
		Shared:    stores.shared,
		Timeout:   c.hostEvents.Timeout,
		HostTTL:   c.hostEvents.TTL,
		Retention: func(*events.Event) time.Duration { return c.eventTTL },
		Elect:     elect,
	}), nil
}

// bridgedStorage is the storage of events with the bridge to the host cluster.
func (c CompletedConfig) bridgedStorage(server *genericapiserver.GenericAPIServer, getter generic.RESTOptionsGetter) (*event.REST, error) {
	stores, err := c.bridgeStores(getter)
	if err != nil {
		return nil, fmt.Errorf("opening the store for the bridge to the host cluster: %w", err)
	}
	bridge, err := c.newBridge(&stores)
	if err != nil {
		stores.Destroy()
		return nil, err
	}
	storage, err := event.NewREST(c.api.Scheme, mirrored{getter, bridge, stores.Destroy}, c.eventTTL)
	if err != nil {
		stores.Destroy()
		return nil, err
	}
	if err := c.metrics.RegisterHostEvents(bridge.Status); err != nil {
		return nil, err
	}
	return storage, addBridgeHooks(server, bridge)
}

// mirrored is a RESTOptionsGetter that puts the bridge in front of the store.
type mirrored struct {
	generic.RESTOptionsGetter
	bridge *hostevents.Bridge
	// destroy is called with the store.
	destroy func()
}

// GetRESTOptions implements generic.RESTOptionsGetter.
func (m mirrored) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := m.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return options, err
	}
	decorate := options.Decorator
	options.Decorator = func(config *storagebackend.ConfigForResource, prefix string, keyFunc func(runtime.Object) (string, error),
		newFunc, newListFunc func() runtime.Object, attrs apiserverstorage.AttrFunc, triggers apiserverstorage.IndexerFuncs, indexers *cache.Indexers,
	) (apiserverstorage.Interface, factory.DestroyFunc, error) {
		store, destroyStore, err := decorate(config, prefix, keyFunc, newFunc, newListFunc, attrs, triggers, indexers)
		if err != nil {
			return nil, nil, err
		}
		if m.bridge.Mirrors() {
			store = mirror.New(store, m.bridge)
		}
		return store, func() {
			m.destroy()
			destroyStore()
		}, nil
	}
	return options, nil
}

// errStopping is the cause when the bridge ends with the server.
var errStopping = errors.New("the server stops")

// addBridgeHooks lets the bridge run with the server, and end before the store does.
func addBridgeHooks(server *genericapiserver.GenericAPIServer, bridge *hostevents.Bridge) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	start := func(hook genericapiserver.PostStartHookContext) error {
		stop := context.AfterFunc(hook, func() { cancel(errStopping) })
		go func() {
			defer close(done)
			defer stop()
			if err := bridge.Run(ctx); err != nil {
				klog.FromContext(ctx).Error(err, "The bridge to the host cluster has ended")
			}
		}()
		return nil
	}
	if err := server.AddPostStartHook("host-events", start); err != nil {
		return fmt.Errorf("starting the bridge to the host cluster: %w", err)
	}
	err := server.AddPreShutdownHook("host-events", func() error {
		cancel(errStopping)
		<-done
		return nil
	})
	if err != nil {
		return fmt.Errorf("ending the bridge to the host cluster: %w", err)
	}
	return nil
}

// storedFormGetter lets a store keep what the versions of the API have no place
// for.
type storedFormGetter struct {
	generic.RESTOptionsGetter
}

// GetRESTOptions implements generic.RESTOptionsGetter.
func (g storedFormGetter) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := g.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return options, err
	}
	if _, done := options.StorageConfig.Codec.(storedform.Codec); !done {
		own := *options.StorageConfig
		own.Codec = storedform.Wrap(own.Codec)
		options.StorageConfig = &own
	}
	return options, nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/mirror"
)

// HostEventsConfig says how events and the core/v1 events of the host cluster are
// kept the same.
type HostEventsConfig struct {
	// Mode is any but hostevents.ModeOff.
	Mode hostevents.Mode
	// Timeout is how long a write waits for the host cluster.
	Timeout time.Duration
	// TTL is for how long the host cluster keeps an event after its last write.
	TTL time.Duration
	// LeaseNamespace and LeaseName name the Lease by which one of several replicas
	// is elected to take in.
	LeaseNamespace, LeaseName string
}

// singleIdentity stands in the Lease where the store is one process' own: who
// has the data directory is the leader, and need not wait for a predecessor that
// was killed.
const singleIdentity = "owner-of-the-data-directory"

// hostRecordsName is what the keys of the bridge's records begin with, beside
// those of the events.
const hostRecordsName = "host-events"

// recordStore is a store of one process that has a place for the bridge's
// records.
type recordStore interface {
	hostRecordStore() (apiserverstorage.Interface, factory.DestroyFunc, string, error)
}

// bridged is a RESTOptionsGetter that puts the host cluster in front of the
// store.
type bridged struct {
	generic.RESTOptionsGetter
	config    HostEventsConfig
	client    *rest.Config
	retention time.Duration
	// own is the store's place for records; nil where one is made beside it.
	own recordStore
	// bridge is set once the registry has asked for the store.
	bridge *hostevents.Bridge
}

// GetRESTOptions implements generic.RESTOptionsGetter.
func (b *bridged) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := b.RESTOptionsGetter.GetRESTOptions(resource, example)
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
		records, destroyRecords, err := b.records(config)
		if err != nil {
			destroyStore()
			return nil, nil, err
		}
		destroy := func() {
			destroyRecords()
			destroyStore()
		}
		b.bridge, err = b.build(localEvents{store: store, root: prefix + "/"}, records)
		if err != nil {
			destroy()
			return nil, nil, err
		}
		if !b.bridge.Mirrors() {
			return store, destroy, nil
		}
		return mirror.New(store, b.bridge), destroy, nil
	}
	return options, nil
}

// records opens the place for the bridge's records, in the same store.
func (b *bridged) records(config *storagebackend.ConfigForResource) (hostevents.Records, factory.DestroyFunc, error) {
	var store apiserverstorage.Interface
	var destroy factory.DestroyFunc
	var err error
	root := "/" + hostRecordsName
	if b.own != nil {
		store, destroy, root, err = b.own.hostRecordStore()
	} else {
		own := *config
		own.Codec = hostRecordCodec{}
		store, destroy, err = generic.NewRawStorage(&own, newHostRecord, newHostRecordList, root)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the place for the records of the bridge to the host cluster: %w", err)
	}
	return hostRecords{store: store, root: root + "/"}, destroy, nil
}

func (b *bridged) build(local hostevents.Local, records hostevents.Records) (*hostevents.Bridge, error) {
	host, err := hostevents.NewHost(b.client)
	if err != nil {
		return nil, err
	}
	identity := singleIdentity
	if b.own == nil {
		if identity, err = hostevents.ProcessIdentity(); err != nil {
			return nil, err
		}
	}
	elect, err := hostevents.LeaseElection(b.client, b.config.LeaseNamespace, b.config.LeaseName, identity)
	if err != nil {
		return nil, err
	}
	return hostevents.New(hostevents.Config{
		Mode:      b.config.Mode,
		Host:      host,
		Local:     local,
		Records:   records,
		Shared:    b.own == nil,
		Timeout:   b.config.Timeout,
		HostTTL:   b.config.TTL,
		Retention: func(*events.Event) time.Duration { return b.retention },
		Elect:     elect,
	}), nil
}

// errStopping is why a bridge that was told to end does.
var errStopping = errors.New("the server stops")

// addHooks lets the bridge run with the server, and end before the store does.
func (b *bridged) addHooks(server *genericapiserver.GenericAPIServer) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	start := func(hook genericapiserver.PostStartHookContext) error {
		stop := context.AfterFunc(hook, func() { cancel(errStopping) })
		go func() {
			defer close(done)
			defer stop()
			if err := b.bridge.Run(ctx); err != nil {
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
	if _, done := options.StorageConfig.Codec.(storedForm); !done {
		own := *options.StorageConfig
		own.Codec = storedForm{Codec: own.Codec}
		options.StorageConfig = &own
	}
	return options, nil
}

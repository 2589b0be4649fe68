// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package eventstore

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

// Stores is an open store.
type Stores struct {
	// Events is what the registry has; the keys of events begin with Prefix.
	Events storage.Interface
	Prefix string
	// Local and Outbox are what the bridge has.
	Local  hostevents.Local
	Outbox hostevents.Outbox
}

// Open opens a store in a directory of the test's, and closes it after the test.
func Open(tb testing.TB) Stores {
	tb.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		tb.Fatal(err)
	}
	opened, err := api.OpenEmbeddedStore(embedded.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := opened.Close(); err != nil {
			tb.Error(err)
		}
	})
	newEvent, newEventList := func() runtime.Object { return &events.Event{} }, func() runtime.Object { return &events.EventList{} }
	options, err := opened.GetRESTOptions(events.Resource("events"), newEvent())
	if err != nil {
		tb.Fatal(err)
	}
	store, destroy, err := options.Decorator(options.StorageConfig, options.ResourcePrefix, nil, newEvent, newEventList, nil, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(destroy)
	bridge, err := opened.BridgeStores()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(bridge.Destroy)
	return Stores{Events: store, Prefix: options.ResourcePrefix, Local: bridge.Events, Outbox: bridge.Outbox}
}

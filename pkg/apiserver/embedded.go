// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"path"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	eventsv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/local"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
	"github.com/events-apiserver/events-apiserver/pkg/storage/entries"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

const (
	// embeddedRoot is what all keys of a data directory begin with, as those of an
	// etcd do by default.
	embeddedRoot = "/events-apiserver"
	eventsName   = "events"
	// embeddedPrefix is what the keys of events begin with. It shows in error
	// messages.
	embeddedPrefix = embeddedRoot + "/" + eventsName
)

// storedContent is what is in every store of this server.
func (a *API) storedContent() (embedded.Content, error) {
	codec, err := a.storedForm()
	if err != nil {
		return embedded.Content{}, err
	}
	var indexes []storage.Index
	for _, field := range event.IndexedFields() {
		indexes = append(indexes, storage.Index{Field: field.Label, Value: field.Value, LowCardinality: field.LowCardinality})
	}
	return embedded.Content{
		Root: embeddedRoot,
		Objects: embedded.Kind{
			Resource: events.Resource(eventsName),
			Prefix:   embeddedPrefix,
			Codec:    codec,
			CopyInto: codec.CopyInto,
			Indexes:  indexes,
		},
		EncodeVersioner: runtime.NewMultiGroupVersioner(eventsv1.SchemeGroupVersion(), schema.GroupKind{Group: events.GroupName}),
		Entries: entries.Content{
			Events:          eventsName,
			HostRecords:     local.Resource,
			Codec:           codec,
			CheckHostRecord: checkHostRecord,
		},
	}, nil
}

func checkHostRecord(plaintext []byte) error {
	_, _, err := local.RecordCodec{}.Decode(plaintext, nil, local.NewRecord())
	return err
}

// Maintenance returns what commands can do to the stores of this server.
func (a *API) Maintenance() (maintenance.Maintenance, error) {
	content, err := a.storedContent()
	return maintenance.New(content), err
}

// EmbeddedStore keeps events in this process, on the disk of this machine.
type EmbeddedStore struct {
	*embedded.Store
	content embedded.Content
}

// OpenEmbeddedStore opens the data directory. The caller closes the store after the
// server has ended.
func (a *API) OpenEmbeddedStore(config embedded.Config) (*EmbeddedStore, error) {
	content, err := a.storedContent()
	if err != nil {
		return nil, err
	}
	store, err := embedded.Open(content, config)
	if err != nil {
		return nil, err
	}
	return &EmbeddedStore{Store: store, content: content}, nil
}

// BridgeStores opens what the bridge to the host cluster has in the store. Call
// Destroy before the store is closed.
func (s *EmbeddedStore) BridgeStores() (BridgeStores, error) {
	eventStore, destroyEvents, err := s.OpenKind(s.content.Objects, func() runtime.Object { return &events.Event{} })
	if err != nil {
		return BridgeStores{}, err
	}
	prefix := path.Join(embeddedRoot, local.Resource)
	records := embedded.Kind{Resource: schema.GroupResource{Resource: local.Resource}, Prefix: prefix, Codec: local.RecordCodec{}}
	outbox, destroyOutbox, err := s.OpenKind(records, local.NewRecord)
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Outbox is the outbox of the bridge, with its tombstones and its position.
type Outbox struct {
	store storage.Interface
	// root is what all keys begin with, with its slash.
	root string
}

var _ hostevents.Outbox = (*Outbox)(nil)

// NewOutbox returns the outbox that store has under keys that begin with the prefix.
func NewOutbox(store storage.Interface, prefix string) *Outbox {
	return &Outbox{store: store, root: rootOf(prefix)}
}

func (o *Outbox) queueRoot() string { return o.root + "queue/" }

func (o *Outbox) queueKey(key hostevents.Key) string {
	return o.queueRoot() + key.Namespace + "/" + key.Name
}

func (o *Outbox) positionKey() string { return o.root + "state/position" }

// Put implements hostevents.Outbox.
func (o *Outbox) Put(ctx context.Context, key hostevents.Key, ttl time.Duration, change func(*hostevents.Record)) error {
	try := func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		stored, ok := input.(*storedRecord)
		if !ok {
			return nil, nil, fmt.Errorf("the store has a %T for a record", input)
		}
		record := hostevents.Record{Key: key}
		if stored.Queued != nil {
			record.Since, record.Deletions = stored.Queued.Since, stored.Queued.Deletions
		}
		change(&record)
		next := &storedRecord{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		next.Queued = &outboxRecord{Since: record.Since, Deletions: record.Deletions}
		// A record that is put again must differ, so that a process that read it before
		// does not remove it.
		next.Generation = stored.Generation + 1
		seconds := ttlSeconds(ttl)
		return next, &seconds, nil
	}
	return o.store.GuaranteedUpdate(ctx, o.queueKey(key), &storedRecord{}, true, nil, try, nil)
}

// Remove implements hostevents.Outbox.
func (o *Outbox) Remove(ctx context.Context, record hostevents.Record) error {
	unchanged := &storage.Preconditions{ResourceVersion: &record.Token}
	err := o.store.Delete(ctx, o.queueKey(record.Key), &storedRecord{}, unchanged, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
	if storage.IsNotFound(err) || storage.IsInvalidObj(err) {
		return nil
	}
	return err
}

// recordPage is how many records are read at once.
const recordPage = 500

// Each implements hostevents.Outbox.
func (o *Outbox) Each(ctx context.Context, visit func(hostevents.Record) bool) error {
	predicate := storage.Everything
	predicate.Limit = recordPage
	predicate.GetAttrs = storage.DefaultNamespaceScopedAttr
	for {
		list := &storedRecordList{}
		options := storage.ListOptions{Predicate: predicate, Recursive: true}
		if err := o.store.GetList(ctx, o.queueRoot(), options, list); err != nil {
			return fmt.Errorf("listing the outbox: %w", err)
		}
		for i := range list.Items {
			if !visit(recordOf(&list.Items[i])) {
				return nil
			}
		}
		if list.Continue == "" || len(list.Items) == 0 {
			return nil
		}
		last := recordOf(&list.Items[len(list.Items)-1])
		next, err := storage.EncodeContinue(o.queueKey(last.Key)+"\x00", o.queueRoot(), latestVersion)
		if err != nil {
			return err
		}
		predicate.Continue = next
	}
}

func recordOf(stored *storedRecord) hostevents.Record {
	record := hostevents.Record{
		Key:   hostevents.Key{Namespace: stored.Namespace, Name: stored.Name},
		Token: stored.ResourceVersion,
	}
	if stored.Queued != nil {
		record.Since, record.Deletions = stored.Queued.Since, stored.Queued.Deletions
	}
	return record
}

// tombstoneKey has the name that tombstones had at first.
func (o *Outbox) tombstoneKey(uid types.UID) string { return o.root + "graves/" + string(uid) }

// AddTombstone implements hostevents.Outbox.
func (o *Outbox) AddTombstone(ctx context.Context, uid types.UID, ttl time.Duration) error {
	seconds := ttlSeconds(ttl)
	err := o.store.Create(ctx, o.tombstoneKey(uid), &storedRecord{ObjectMeta: metav1.ObjectMeta{Name: string(uid)}}, nil, seconds)
	if storage.IsExist(err) {
		return nil
	}
	return err
}

// HasTombstone implements hostevents.Outbox.
func (o *Outbox) HasTombstone(ctx context.Context, uid types.UID) (bool, error) {
	stored := &storedRecord{}
	err := o.store.Get(ctx, o.tombstoneKey(uid), storage.GetOptions{IgnoreNotFound: true}, stored)
	return stored.Name != "", err
}

// Position implements hostevents.Outbox.
func (o *Outbox) Position(ctx context.Context) (uint64, error) {
	stored := &storedRecord{}
	err := o.store.Get(ctx, o.positionKey(), storage.GetOptions{IgnoreNotFound: true}, stored)
	return stored.Position, err
}

// SetPosition implements hostevents.Outbox.
func (o *Outbox) SetPosition(ctx context.Context, version uint64) error {
	try := func(input runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		return &storedRecord{ObjectMeta: metav1.ObjectMeta{Name: "position"}, Position: version}, new(uint64), nil
	}
	return o.store.GuaranteedUpdate(ctx, o.positionKey(), &storedRecord{}, true, nil, try, nil)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiserverstorage "k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// hostRecord is how a record of the bridge is stored. It is in no API.
type hostRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Queued is set in a record of the queue.
	Queued *queuedEvent `json:"queued,omitempty"`
	// Position is set in the record of the position.
	Position uint64 `json:"position,omitempty"`
}

// queuedEvent is hostevents.Record, whose key is the name of the record.
type queuedEvent struct {
	Since time.Time             `json:"since"`
	Erase []hostevents.Identity `json:"erase,omitempty"`
}

// DeepCopyObject implements runtime.Object.
func (r *hostRecord) DeepCopyObject() runtime.Object {
	copied := *r
	r.DeepCopyInto(&copied.ObjectMeta)
	if r.Queued != nil {
		queued := *r.Queued
		queued.Erase = slices.Clone(queued.Erase)
		copied.Queued = &queued
	}
	return &copied
}

// hostRecordList is a list of them.
type hostRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []hostRecord `json:"items"`
}

// DeepCopyObject implements runtime.Object.
func (l *hostRecordList) DeepCopyObject() runtime.Object {
	copied := &hostRecordList{TypeMeta: l.TypeMeta, ListMeta: *l.DeepCopy()}
	for i := range l.Items {
		if record, ok := l.Items[i].DeepCopyObject().(*hostRecord); ok {
			copied.Items = append(copied.Items, *record)
		}
	}
	return copied
}

func newHostRecord() runtime.Object     { return &hostRecord{} }
func newHostRecordList() runtime.Object { return &hostRecordList{} }

// hostRecordCodec writes records as JSON. They have one version and are read by
// this server alone, so there is nothing to convert.
type hostRecordCodec struct{}

var _ runtime.Codec = hostRecordCodec{}

// Encode implements runtime.Encoder.
func (hostRecordCodec) Encode(obj runtime.Object, w io.Writer) error {
	return json.NewEncoder(w).Encode(obj)
}

// Identifier implements runtime.Encoder.
func (hostRecordCodec) Identifier() runtime.Identifier { return "hostRecord" }

// Decode implements runtime.Decoder.
func (hostRecordCodec) Decode(data []byte, _ *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	record, ok := into.(*hostRecord)
	if !ok {
		record = &hostRecord{}
	}
	*record = hostRecord{}
	if err := json.Unmarshal(data, record); err != nil {
		return nil, nil, fmt.Errorf("decoding a record of the bridge to the host cluster: %w", err)
	}
	return record, &schema.GroupVersionKind{}, nil
}

// hostRecords is where the bridge keeps what it must not forget.
type hostRecords struct {
	store apiserverstorage.Interface
	// root is what all keys begin with, with its slash.
	root string
}

var _ hostevents.Records = hostRecords{}

func (h hostRecords) queueRoot() string { return h.root + "queue/" }

func (h hostRecords) queueKey(key hostevents.Key) string {
	return h.queueRoot() + key.Namespace + "/" + key.Name
}

func (h hostRecords) positionKey() string { return h.root + "state/position" }

// Put implements hostevents.Records.
func (h hostRecords) Put(ctx context.Context, key hostevents.Key, life time.Duration, change func(*hostevents.Record)) error {
	try := func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		stored, ok := input.(*hostRecord)
		if !ok {
			return nil, nil, fmt.Errorf("the store has a %T for a record", input)
		}
		record := hostevents.Record{Key: key}
		if stored.Queued != nil {
			record.Since, record.Erase = stored.Queued.Since, stored.Queued.Erase
		}
		change(&record)
		next := &hostRecord{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		next.Queued = &queuedEvent{Since: record.Since, Erase: record.Erase}
		// A record that is put again must differ, so that who read it before does
		// not remove it.
		next.Generation = stored.Generation + 1
		seconds := secondsOf(life)
		return next, &seconds, nil
	}
	return h.store.GuaranteedUpdate(ctx, h.queueKey(key), &hostRecord{}, true, nil, try, nil)
}

// Remove implements hostevents.Records.
func (h hostRecords) Remove(ctx context.Context, record hostevents.Record) error {
	unchanged := &apiserverstorage.Preconditions{ResourceVersion: &record.Token}
	err := h.store.Delete(ctx, h.queueKey(record.Key), &hostRecord{}, unchanged, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{})
	if apiserverstorage.IsNotFound(err) || apiserverstorage.IsInvalidObj(err) {
		return nil
	}
	return err
}

// recordPage is how many records are read at once.
const recordPage = 500

// Each implements hostevents.Records.
func (h hostRecords) Each(ctx context.Context, visit func(hostevents.Record) bool) error {
	predicate := apiserverstorage.Everything
	predicate.Limit = recordPage
	predicate.GetAttrs = apiserverstorage.DefaultNamespaceScopedAttr
	for {
		list := &hostRecordList{}
		options := apiserverstorage.ListOptions{Predicate: predicate, Recursive: true}
		if err := h.store.GetList(ctx, h.queueRoot(), options, list); err != nil {
			return fmt.Errorf("listing what is to be made in the host cluster: %w", err)
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
		next, err := apiserverstorage.EncodeContinue(h.queueKey(last.Key)+"\x00", h.queueRoot(), ofNoVersion)
		if err != nil {
			return err
		}
		predicate.Continue = next
	}
}

func recordOf(stored *hostRecord) hostevents.Record {
	record := hostevents.Record{
		Key:   hostevents.Key{Namespace: stored.Namespace, Name: stored.Name},
		Token: stored.ResourceVersion,
	}
	if stored.Queued != nil {
		record.Since, record.Erase = stored.Queued.Since, stored.Queued.Erase
	}
	return record
}

func (h hostRecords) graveKey(uid types.UID) string { return h.root + "graves/" + string(uid) }

// Bury implements hostevents.Records.
func (h hostRecords) Bury(ctx context.Context, uid types.UID, life time.Duration) error {
	seconds := secondsOf(life)
	err := h.store.Create(ctx, h.graveKey(uid), &hostRecord{ObjectMeta: metav1.ObjectMeta{Name: string(uid)}}, nil, seconds)
	if apiserverstorage.IsExist(err) {
		return nil
	}
	return err
}

// Buried implements hostevents.Records.
func (h hostRecords) Buried(ctx context.Context, uid types.UID) (bool, error) {
	stored := &hostRecord{}
	err := h.store.Get(ctx, h.graveKey(uid), apiserverstorage.GetOptions{IgnoreNotFound: true}, stored)
	return stored.Name != "", err
}

// Position implements hostevents.Records.
func (h hostRecords) Position(ctx context.Context) (uint64, error) {
	stored := &hostRecord{}
	err := h.store.Get(ctx, h.positionKey(), apiserverstorage.GetOptions{IgnoreNotFound: true}, stored)
	return stored.Position, err
}

// SetPosition implements hostevents.Records.
func (h hostRecords) SetPosition(ctx context.Context, version uint64) error {
	try := func(input runtime.Object, _ apiserverstorage.ResponseMeta) (runtime.Object, *uint64, error) {
		return &hostRecord{ObjectMeta: metav1.ObjectMeta{Name: "position"}, Position: version}, new(uint64), nil
	}
	return h.store.GuaranteedUpdate(ctx, h.positionKey(), &hostRecord{}, true, nil, try, nil)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Resource is the resource in the keys of records, which are stored beside the events.
const Resource = "host-events"

// storedRecord is the stored form of what the bridge keeps. It is in no API.
type storedRecord struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Queued is set in a record of the outbox.
	Queued *outboxRecord `json:"queued,omitempty"`
	// Position is set in the record of the position.
	Position uint64 `json:"position,omitempty"`
}

// outboxRecord is a hostevents.Record, whose key is the name of the stored record.
type outboxRecord struct {
	Since     time.Time             `json:"since"`
	Deletions []hostevents.Identity `json:"erase,omitempty"`
}

// DeepCopyObject implements runtime.Object.
func (r *storedRecord) DeepCopyObject() runtime.Object {
	copied := *r
	r.DeepCopyInto(&copied.ObjectMeta)
	if r.Queued != nil {
		queued := *r.Queued
		queued.Deletions = slices.Clone(queued.Deletions)
		copied.Queued = &queued
	}
	return &copied
}

// storedRecordList is a list of stored records.
type storedRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []storedRecord `json:"items"`
}

// DeepCopyObject implements runtime.Object.
func (l *storedRecordList) DeepCopyObject() runtime.Object {
	copied := &storedRecordList{TypeMeta: l.TypeMeta, ListMeta: *l.DeepCopy()}
	for i := range l.Items {
		if item, ok := l.Items[i].DeepCopyObject().(*storedRecord); ok {
			copied.Items = append(copied.Items, *item)
		}
	}
	return copied
}

// NewRecord returns an empty record.
func NewRecord() runtime.Object { return &storedRecord{} }

// NewRecordList returns an empty list of records.
func NewRecordList() runtime.Object { return &storedRecordList{} }

// RecordCodec writes records as JSON. They have one version and are read by
// this server alone, so there is nothing to convert.
type RecordCodec struct{}

var _ runtime.Codec = RecordCodec{}

// Encode implements runtime.Encoder.
func (RecordCodec) Encode(obj runtime.Object, w io.Writer) error {
	return json.NewEncoder(w).Encode(obj)
}

// Identifier implements runtime.Encoder.
func (RecordCodec) Identifier() runtime.Identifier { return "hostRecord" }

// Decode implements runtime.Decoder.
func (RecordCodec) Decode(data []byte, _ *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	stored, ok := into.(*storedRecord)
	if !ok {
		stored = &storedRecord{}
	}
	*stored = storedRecord{}
	if err := json.Unmarshal(data, stored); err != nil {
		return nil, nil, fmt.Errorf("decoding a record of the bridge to the host cluster: %w", err)
	}
	return stored, &schema.GroupVersionKind{}, nil
}

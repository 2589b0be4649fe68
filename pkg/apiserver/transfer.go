// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/local"
	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

var (
	_ transfer.Source = (*plainStore)(nil)
	_ transfer.Target = (*plainStore)(nil)
)

// Each implements transfer.Source.
func (s *plainStore) Each(ctx context.Context, visit func(*transfer.Record) error) error {
	// Before the events: what the host changes from now on will be read from it
	// again, so an event that is missed here is not lost.
	position, err := s.position(ctx)
	if err != nil {
		return err
	}
	// The queue after the events: an event that waits for the host without a record
	// would wait forever, a record without an event does no harm.
	if err := s.eachOf(ctx, transfer.Event, s.events, visit); err != nil {
		return err
	}
	if err := s.eachOf(ctx, transfer.HostRecord, s.hostRecords, visit); err != nil {
		return err
	}
	if position == nil {
		return nil
	}
	return visit(position)
}

func (s *plainStore) position(ctx context.Context) (*transfer.Record, error) {
	stored, err := s.get(ctx, s.hostRecords+positionKey)
	if err != nil || stored == nil {
		return nil, err
	}
	plaintext, _, err := s.open(ctx, stored)
	if err != nil {
		return nil, err
	}
	return &transfer.Record{Kind: transfer.HostPosition, Key: positionKey, Value: plaintext}, nil
}

func (s *plainStore) eachOf(ctx context.Context, kind transfer.Kind, prefix string, visit func(*transfer.Record) error) error {
	return s.each(ctx, prefix, func(page []entry) error {
		for i := range page {
			key := strings.TrimPrefix(page[i].key, prefix)
			if kind == transfer.HostRecord && key == positionKey {
				continue
			}
			plaintext, _, err := s.open(ctx, &page[i])
			if err != nil {
				return err
			}
			deadline, lives, err := s.deadline(ctx, &page[i])
			if err != nil {
				return err
			}
			if !lives {
				continue
			}
			if err := visit(&transfer.Record{Kind: kind, Key: key, Expires: deadline, Value: plaintext}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Create implements transfer.Target.
func (s *plainStore) Create(ctx context.Context, record *transfer.Record) (transfer.Outcome, error) {
	key := s.hostRecords + record.Key
	uid := types.UID("")
	if record.Kind == transfer.Event {
		key = s.events + record.Key
		event, err := s.eventOf(record.Key, record.Value)
		if err != nil {
			return 0, &transfer.RecordError{Err: err}
		}
		uid = event.UID
	} else if err := checkHostRecord(record.Value); err != nil {
		return 0, &transfer.RecordError{Err: err}
	}
	sealed, err := s.seal(ctx, key, record.Value)
	if err != nil {
		return 0, err
	}
	there, err := s.create(ctx, key, sealed, record.Expires)
	if err != nil || there == nil {
		return transfer.Created, err
	}
	if record.Kind != transfer.Event {
		return transfer.AlreadyThere, nil
	}
	return s.compare(ctx, record.Key, uid, there)
}

// compare returns whether an event that is stored is the one with the uid.
func (s *plainStore) compare(ctx context.Context, key string, uid types.UID, there *entry) (transfer.Outcome, error) {
	plaintext, _, err := s.open(ctx, there)
	if err != nil {
		return 0, &transfer.RecordError{Err: fmt.Errorf("another event is stored there and cannot be read: %w", err)}
	}
	stored, err := s.eventOf(key, plaintext)
	if err != nil {
		return 0, &transfer.RecordError{Err: fmt.Errorf("something else is stored there: %w", err)}
	}
	if stored.UID != uid {
		return transfer.Taken, nil
	}
	return transfer.AlreadyThere, nil
}

// eventOf decodes an event, which must have the namespace and name of its key.
func (s *plainStore) eventOf(key string, plaintext []byte) (*events.Event, error) {
	object, _, err := s.codec.Decode(plaintext, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("decoding the event: %w", err)
	}
	event, ok := object.(*events.Event)
	if !ok {
		return nil, fmt.Errorf("it is a %T and not an event", object)
	}
	if name := event.Namespace + "/" + event.Name; name != key {
		return nil, fmt.Errorf("the event is named %s", name)
	}
	if event.UID == "" {
		return nil, fmt.Errorf("the event %s has no uid", key)
	}
	return event, nil
}

func checkHostRecord(plaintext []byte) error {
	_, _, err := local.RecordCodec{}.Decode(plaintext, nil, local.NewRecord())
	return err
}

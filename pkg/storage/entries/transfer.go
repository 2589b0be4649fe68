// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

var (
	_ transfer.Source = (*Store)(nil)
	_ transfer.Target = (*Store)(nil)
)

// Each implements transfer.Source.
func (s *Store) Each(ctx context.Context, visit func(*transfer.Record) error) error {
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

func (s *Store) position(ctx context.Context) (*transfer.Record, error) {
	stored, err := s.get(ctx, s.hostRecords+positionKey)
	if err != nil || stored == nil {
		return nil, err
	}
	plaintext, _, err := s.decrypt(ctx, stored)
	if err != nil {
		return nil, err
	}
	return &transfer.Record{Kind: transfer.HostPosition, Key: positionKey, Value: plaintext}, nil
}

func (s *Store) eachOf(ctx context.Context, kind transfer.Kind, prefix string, visit func(*transfer.Record) error) error {
	return s.each(ctx, prefix, func(page []entry) error {
		for i := range page {
			key := strings.TrimPrefix(page[i].key, prefix)
			if kind == transfer.HostRecord && key == positionKey {
				continue
			}
			plaintext, _, err := s.decrypt(ctx, &page[i])
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
func (s *Store) Create(ctx context.Context, record *transfer.Record) (transfer.Outcome, error) {
	key := s.hostRecords + record.Key
	uid := types.UID("")
	if record.Kind == transfer.Event {
		key = s.events + record.Key
		var err error
		if uid, err = s.uidOf(record.Key, record.Value); err != nil {
			return 0, &transfer.RecordError{Err: err}
		}
	} else if err := s.content.CheckHostRecord(record.Value); err != nil {
		return 0, &transfer.RecordError{Err: err}
	}
	encrypted, err := s.encrypt(ctx, key, record.Value)
	if err != nil {
		return 0, err
	}
	there, err := s.create(ctx, key, encrypted, record.Expires)
	if err != nil || there == nil {
		return transfer.Created, err
	}
	if record.Kind != transfer.Event {
		return transfer.AlreadyThere, nil
	}
	return s.compare(ctx, record.Key, uid, there)
}

// compare returns whether an event that is stored is the one with the uid.
func (s *Store) compare(ctx context.Context, key string, uid types.UID, there *entry) (transfer.Outcome, error) {
	plaintext, _, err := s.decrypt(ctx, there)
	if err != nil {
		return 0, &transfer.RecordError{Err: fmt.Errorf("another event is stored there and cannot be read: %w", err)}
	}
	stored, err := s.uidOf(key, plaintext)
	if err != nil {
		return 0, &transfer.RecordError{Err: fmt.Errorf("something else is stored there: %w", err)}
	}
	if stored != uid {
		return transfer.Taken, nil
	}
	return transfer.AlreadyThere, nil
}

// uidOf decodes an event, which must have the namespace and name of its key, and
// returns its uid.
func (s *Store) uidOf(key string, plaintext []byte) (types.UID, error) {
	object, _, err := s.content.Codec.Decode(plaintext, nil, nil)
	if err != nil {
		return "", fmt.Errorf("decoding the event: %w", err)
	}
	event, err := meta.Accessor(object)
	if err != nil {
		return "", fmt.Errorf("it is a %T and not an event: %w", object, err)
	}
	if name := event.GetNamespace() + "/" + event.GetName(); name != key {
		return "", fmt.Errorf("the event is named %s", name)
	}
	if event.GetUID() == "" {
		return "", fmt.Errorf("the event %s has no uid", key)
	}
	return event.GetUID(), nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// sizeSample is the number of objects from which the average size is estimated.
const sizeSample = 500

// EnableResourceSizeEstimation implements storage.Interface. The keys function is not
// used: the engine counts its keys.
func (s *Store) EnableResourceSizeEstimation(keys storage.KeysFunc) error {
	if keys == nil {
		return errors.New("KeysFunc cannot be nil")
	}
	s.sizeMutex.Lock()
	defer s.sizeMutex.Unlock()
	if s.sizeEstimate {
		return errors.New("the size of objects is estimated already")
	}
	s.sizeEstimate = true
	return nil
}

// Stats implements storage.Interface.
func (s *Store) Stats(ctx context.Context) (storage.Stats, error) {
	count, err := s.engine.Count(ctx, []byte(s.resourceRoot()))
	if err != nil {
		return storage.Stats{}, readError(err)
	}
	stats := storage.Stats{ObjectCount: count}
	s.sizeMutex.Lock()
	estimate := s.sizeEstimate
	s.sizeMutex.Unlock()
	if !estimate {
		return stats, nil
	}
	stats.EstimatedAverageObjectSizeBytes, err = s.averageSize(ctx)
	return stats, err
}

// averageSize returns the average size of the first objects in bytes. That is exact enough
// for its use, the estimated cost of a list in API Priority and Fairness.
func (s *Store) averageSize(ctx context.Context) (int64, error) {
	var measured, bytes int64
	_, err := s.engine.List(ctx, engine.Query{Prefix: []byte(s.resourceRoot())}, func(record engine.Record) bool {
		measured++
		bytes += int64(len(record.Value))
		return measured < sizeSample
	})
	if err != nil || measured == 0 {
		return 0, readError(err)
	}
	return bytes / measured, nil
}

// OldestWrite returns when the object that expires next was last written, the zero time
// if no object expires. If all objects have the same time to live, this is the oldest
// write. It reads one object.
//
// The time is taken from the object, so it is right after a restart and after a change of
// the time to live. Only Engine, Codec and Transformer are used.
func (c Config) OldestWrite(ctx context.Context) (time.Time, error) {
	c = c.withDefaults()
	record, err := c.Engine.NextToExpire(ctx)
	if errors.Is(err, engine.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for the oldest object: %w", err)
	}
	obj, err := c.values().openNew(ctx, string(record.Key), record.Value, record.Revision)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the oldest object: %w", err)
	}
	accessor, err := meta.Accessor(obj)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the oldest object: %w", err)
	}
	return lastWrite(accessor), nil
}

// lastWrite returns the newest time in managedFields. A client may remove those; then it
// is the creation time.
func lastWrite(obj metav1.Object) time.Time {
	last := obj.GetCreationTimestamp().Time
	for _, fields := range obj.GetManagedFields() {
		if fields.Time != nil && fields.Time.After(last) {
			last = fields.Time.Time
		}
	}
	return last
}

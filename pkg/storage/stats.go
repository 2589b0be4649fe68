// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"

	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// sizeSample is how many objects are measured to estimate the size of all.
const sizeSample = 500

// EnableResourceSizeEstimation implements storage.Interface. The keys function
// is not used: it exists because etcd cannot count for itself.
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

// averageSize measures the first objects. All objects of a resource are alike
// enough for what the average is used for, the cost of a list.
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

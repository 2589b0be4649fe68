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

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// OldestWrite returns when the object that expires next was written last, or
// the zero time if no object expires. Where all objects have the same time to
// live, none was written longer ago. It reads one object.
//
// The time is what the API server put into the object, so it outlives restarts
// and tells the truth also after the time to live was changed. It needs Engine,
// Codec and Transformer alone.
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

// lastWrite is when the API server has seen the object change. Whoever writes
// may remove managed fields; then the creation is what is left.
func lastWrite(obj metav1.Object) time.Time {
	last := obj.GetCreationTimestamp().Time
	for _, fields := range obj.GetManagedFields() {
		if fields.Time != nil && fields.Time.After(last) {
			last = fields.Time.Time
		}
	}
	return last
}

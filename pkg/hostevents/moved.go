// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"fmt"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// MovedError says that the host has another state of an event than the one a
// write was based on. Taken in with Bridge.TakeIn, the write can be tried again.
type MovedError struct {
	Key Key
	// Stored is the state that the write was based on.
	Stored *events.Event
	// Current is the host's state, nil if the event was deleted there.
	Current *events.Event
}

// Error names the event.
func (e *MovedError) Error() string {
	if e.Current == nil {
		return fmt.Sprintf("event %s was deleted in the host cluster", e.Key)
	}
	return fmt.Sprintf("event %s was changed in the host cluster, version %d", e.Key, e.Current.Host.Version)
}

// Moved reads the host's state of an event and returns it as a MovedError, or
// otherwise if it cannot be had.
func (b *Bridge) Moved(ctx context.Context, key Key, otherwise error) error {
	var current *events.Event
	err := b.inTime(ctx, key.Namespace, func(ctx context.Context) (err error) {
		current, err = b.config.Host.Get(ctx, key)
		return err
	})
	if err != nil {
		return otherwise
	}
	return &MovedError{Key: key, Current: current}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// TryCreate returns the host's refusal of a creation that is valid here.
func (s *Storage) TryCreate(ctx context.Context, event *events.Event) error {
	return s.bridge.TryCreate(ctx, event)
}

// TryUpdate returns the host's refusal of an update that is valid here.
func (s *Storage) TryUpdate(ctx context.Context, updated *events.Event) error {
	return s.bridge.TryUpdate(ctx, updated)
}

// TryDelete returns the host's refusal of a deletion that is valid here.
func (s *Storage) TryDelete(ctx context.Context, stored *events.Event) error {
	return s.bridge.TryDelete(ctx, stored)
}

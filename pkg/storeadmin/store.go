// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"io"
)

// Store is what a server does for its operator.
type Store interface {
	// Snapshot writes a snapshot of the store. What was written is of no use if it
	// returns an error.
	Snapshot(ctx context.Context, w io.Writer) error
	// Compact removes what only revisions below upTo can show, 0 being the newest
	// one, and returns the oldest revision that can be read then. It returns a
	// *RefusedError for a revision that is not there.
	Compact(ctx context.Context, upTo uint64) (uint64, error)
}

// RefusedError is for a request that cannot be carried out as it is, whatever the
// state of the server.
type RefusedError struct{ Reason string }

// Error is the reason.
func (e *RefusedError) Error() string { return e.Reason }

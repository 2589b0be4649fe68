// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"io"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
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
	// Export writes all events, decrypted. What was written is of no use if it
	// returns an error.
	Export(ctx context.Context, w io.Writer) error
	// Import stores the events of an export that are not there, and returns what
	// became of them, also with an error.
	Import(ctx context.Context, r io.Reader) (transfer.Result, error)
	// Rewrite encrypts all events with the key in use that are not, and returns what
	// it did, also with an error. It calls progress now and then.
	Rewrite(ctx context.Context, progress func(Rewrite)) (Rewrite, error)
}

// RefusedError is for a request that cannot be carried out as it is, whatever the
// state of the server.
type RefusedError struct{ Reason string }

// Error is the reason.
func (e *RefusedError) Error() string { return e.Reason }

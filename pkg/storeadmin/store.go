// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"io"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// Store is what the commands of an operator need of the store of a server.
type Store interface {
	// Snapshot writes a snapshot of the store. On an error the snapshot is incomplete.
	Snapshot(ctx context.Context, w io.Writer) error
	// Compact compacts revisions below upTo, the newest one if it is 0, and returns the
	// compact revision. It returns a *BadRequestError for a future revision.
	Compact(ctx context.Context, upTo uint64) (uint64, error)
	// Export writes an export of all events, decrypted. On an error it is incomplete.
	Export(ctx context.Context, w io.Writer) error
	// Import stores the events of an export that do not exist, and returns the outcomes,
	// also with an error.
	Import(ctx context.Context, r io.Reader) (transfer.Result, error)
	// Rewrite writes all events that are not encrypted with the key in use again, and
	// returns the result, also with an error. It calls progress at intervals.
	Rewrite(ctx context.Context, progress func(Rewrite)) (Rewrite, error)
}

// BadRequestError is returned for a request that is invalid, so that a retry would fail, too.
type BadRequestError struct{ Reason string }

// Error implements error.
func (e *BadRequestError) Error() string { return e.Reason }

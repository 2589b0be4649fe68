// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"time"
)

// Op is one write to one key.
type Op struct {
	// Key is any non-empty byte string of at most MaxKeyBytes. The engine keeps
	// the slice: it must not change afterwards.
	Key []byte
	// Value is stored for the key; nil deletes the key. An empty, non-nil value
	// is a value. The engine keeps the slice: it must not change afterwards.
	Value []byte
	// Expect is what must be true of the key at the moment of the commit. The
	// zero value expects nothing.
	Expect Expectation
	// Deadline is when the key expires; the zero time is never. Each write sets
	// it again.
	Deadline time.Time
	// IndexValues are the values of this key in each of Config.Indexes, in that
	// order, when the caller knows them already. Nil makes the engine call
	// Index.Values. The engine copies them.
	IndexValues [][][]byte
}

// Expectation is a condition on the state of a key. Expired keys count as
// absent.
type Expectation struct {
	kind     expectationKind
	revision Revision
}

type expectationKind uint8

const (
	expectNothing expectationKind = iota
	expectAbsent
	expectRevision
)

// AnyRevision holds for every state of the key. It is the zero value.
func AnyRevision() Expectation { return Expectation{} }

// Absent holds when the key does not exist.
func Absent() Expectation { return Expectation{kind: expectAbsent} }

// AtRevision holds when the key exists and was last written at the revision.
func AtRevision(revision Revision) Expectation {
	return Expectation{kind: expectRevision, revision: revision}
}

// Commit carries out the op and returns its revision. The write is on disk
// and visible to reads when Commit returns without error. It returns a
// *ConflictError when op.Expect does not hold, and ErrNotFound for deleting,
// without expectation, what is not there.
//
// When ctx ends first its error is returned, and ErrDiskFull when the disk ran full
// meanwhile; the write may or may not have been made then.
func (e *Engine) Commit(ctx context.Context, op Op) (Revision, error) {
	if err := e.inFlight.begin(); err != nil {
		return 0, err
	}
	defer e.inFlight.end()
	if err := e.admit(op); err != nil {
		return 0, err
	}
	// The values are worked out here and not by the writer, since callers run
	// side by side and the writer is one.
	indexed, err := e.indexedValues(op)
	if err != nil {
		return 0, err
	}
	r := e.pool.of(write{
		key:      op.Key,
		value:    op.Value,
		deleted:  op.Value == nil,
		expect:   op.Expect,
		deadline: deadlineOf(op.Deadline),
		indexed:  indexed,
	})
	revision, answered, err := e.submit(ctx, e.requests, r)
	if answered {
		e.pool.answered(r)
	}
	return revision, err
}

// admit refuses what cannot be written now or ever.
func (e *Engine) admit(op Op) error {
	switch {
	case len(op.Key) == 0 || len(op.Key) > MaxKeyBytes:
		return fmt.Errorf("%w: a key of %d bytes", ErrInvalid, len(op.Key))
	case len(op.Value) > MaxValueBytes:
		return fmt.Errorf("%w: a value of %d bytes", ErrInvalid, len(op.Value))
	case op.IndexValues != nil && len(op.IndexValues) != len(e.indexes):
		return fmt.Errorf("%w: values for %d indexes, %d are declared", ErrInvalid, len(op.IndexValues), len(e.indexes))
	}
	if err := e.failed(); err != nil {
		return err
	}
	return e.space.Admit(int64(len(op.Key)+len(op.Value)), op.Value == nil)
}

// diskFullTimeout is how long a write waits for its end once the disk is full.
const diskFullTimeout = time.Second

// submit hands the request to the writer and waits for its end. It reports whether
// the writer has answered; until it does, the request is the writer's.
func (e *Engine) submit(ctx context.Context, to chan<- *request, r *request) (_ Revision, answered bool, _ error) {
	lacking := e.retry.Full()
	select {
	case to <- r:
	case <-ctx.Done():
		return 0, false, ctx.Err()
	case <-lacking:
		return 0, false, ErrDiskFull
	}
	select {
	case result := <-r.done:
		return result.revision, true, result.err
	case <-ctx.Done():
		return 0, false, ctx.Err()
	case <-lacking:
		return awaitOnFullDisk(ctx, r)
	}
}

// awaitOnFullDisk gives a write that the full disk may concern a little more time.
func awaitOnFullDisk(ctx context.Context, r *request) (_ Revision, answered bool, _ error) {
	timeout := time.NewTimer(diskFullTimeout)
	defer timeout.Stop()
	select {
	case result := <-r.done:
		return result.revision, true, result.err
	case <-ctx.Done():
		return 0, false, ctx.Err()
	case <-timeout.C:
		return 0, false, ErrDiskFull
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Target is a store that an export is imported into.
type Target interface {
	// Create stores the record unless its key exists, and returns the outcome. It returns
	// a *RecordError if the record itself cannot be stored; any other error aborts the
	// import. It is called by several goroutines concurrently.
	Create(ctx context.Context, record *Record) (Outcome, error)
}

// Outcome is the result of Target.Create.
type Outcome int

const (
	// Created is returned for a record that was stored.
	Created Outcome = iota
	// AlreadyThere is returned for a record that the target has, with the same uid if it is
	// an event. It is not overwritten: it may have changed after the export.
	AlreadyThere
	// Taken is returned for an event whose namespace and name another event has, which is
	// not overwritten.
	Taken
)

// RecordError is returned for a record that no store can store.
type RecordError struct{ Err error }

// Error implements error.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// Result counts the outcomes of an import. All counts but HostRecords are of events.
type Result struct {
	Imported     int64 `json:"imported"`
	AlreadyThere int64 `json:"alreadyThere"`
	Taken        int64 `json:"taken"`
	Expired      int64 `json:"expired"`
	Failed       int64 `json:"failed"`
	// HostRecords is the number of imported records of the bridge.
	HostRecords int64 `json:"hostRecords"`
	// Failures has the errors of the first records that could not be imported.
	Failures []string `json:"failures,omitempty"`
}

const (
	// importWorkers is the number of concurrent writes. Concurrent writes share an fsync.
	importWorkers = 64
	// mostFailures is the number of failures that a result has at most.
	mostFailures = 10
)

// Import stores the records of an export and returns their outcomes, also with an error. It
// may be repeated: it never overwrites a record.
//
// Records are stored while the export is read, so part of an incomplete one is stored when
// Import returns ErrIncomplete; call Verify before. The HostPosition is stored last, and
// only if no record failed.
func Import(ctx context.Context, target Target, r io.Reader, now func() time.Time) (Result, error) {
	export, err := newReader(r)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run := &importing{target: target, now: now, cancel: cancel}
	position, err := run.each(ctx, export)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil && position != nil && run.result.Failed == 0 {
		err = run.store(ctx, position)
	}
	return run.result, err
}

// importing is one import.
type importing struct {
	target Target
	now    func() time.Time
	// cancel aborts the import with a cause.
	cancel context.CancelCauseFunc

	mutex  sync.Mutex
	result Result
}

// each stores all records except the HostPosition, which it returns.
func (i *importing) each(ctx context.Context, export *reader) (position *Record, err error) {
	kind, pool := Event, i.startPool(ctx)
	defer func() { pool.wait() }()
	for {
		record, err := export.next()
		if errors.Is(err, io.EOF) {
			return position, nil
		}
		if err != nil {
			return nil, err
		}
		if record.Kind == HostPosition {
			position = record
			continue
		}
		if record.Kind != kind {
			// An entry of the outbox must be stored after its event: a running bridge
			// removes an entry without an event.
			kind = record.Kind
			pool.wait()
			pool = i.startPool(ctx)
		}
		select {
		case pool.records <- record:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pool stores records concurrently.
type pool struct {
	records chan *Record
	workers sync.WaitGroup
}

func (i *importing) startPool(ctx context.Context) *pool {
	p := &pool{records: make(chan *Record)}
	for range importWorkers {
		p.workers.Go(func() {
			for record := range p.records {
				if err := i.store(ctx, record); err != nil {
					i.cancel(err)
				}
			}
		})
	}
	return p
}

// wait closes the pool and waits until all its records are stored.
func (p *pool) wait() {
	close(p.records)
	p.workers.Wait()
}

// store stores one record and counts it.
func (i *importing) store(ctx context.Context, record *Record) error {
	if record.expired(i.now()) {
		i.count(record, func(result *Result) { result.Expired++ })
		return nil
	}
	outcome, err := i.target.Create(ctx, record)
	if bad := new(RecordError); errors.As(err, &bad) {
		i.failed(record, bad)
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing %s %s: %w", record.Kind, record.Key, err)
	}
	i.count(record, func(result *Result) {
		switch outcome {
		case Created:
			result.Imported++
		case AlreadyThere:
			result.AlreadyThere++
		case Taken:
			result.Taken++
		}
	})
	if outcome == Created && record.Kind != Event {
		i.change(func(result *Result) { result.HostRecords++ })
	}
	return nil
}

// count applies the change if the record is an event.
func (i *importing) count(record *Record, change func(*Result)) {
	if record.Kind == Event {
		i.change(change)
	}
}

// failed counts a record of any kind that cannot be stored, and records the reason.
func (i *importing) failed(record *Record, reason error) {
	i.change(func(result *Result) {
		result.Failed++
		if len(result.Failures) < mostFailures {
			result.Failures = append(result.Failures, fmt.Sprintf("%s %s: %v", record.Kind, record.Key, reason))
		}
	})
}

func (i *importing) change(change func(*Result)) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	change(&i.result)
}

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

// Target is a store into which an export is read.
type Target interface {
	// Create stores the record where nothing is stored, and returns what became of
	// it. It returns a *RecordError if the record itself is the reason that it
	// cannot be stored; any other error ends the import. It is called by many
	// goroutines at once.
	Create(ctx context.Context, record *Record) (Outcome, error)
}

// Outcome is what became of a record.
type Outcome int

const (
	// Created is for a record that is stored now.
	Created Outcome = iota
	// AlreadyThere is for one that the target has, an event with the same uid. It
	// stays as the target has it: it may have been written since the export.
	AlreadyThere
	// Taken is for an event whose namespace and name another one has, which stays.
	Taken
)

// RecordError is why a record cannot be stored in any store.
type RecordError struct{ Err error }

// Error is the reason.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// Result counts what became of the records of an import. All but HostRecords
// counts events.
type Result struct {
	Imported     int64 `json:"imported"`
	AlreadyThere int64 `json:"alreadyThere"`
	Taken        int64 `json:"taken"`
	Expired      int64 `json:"expired"`
	Failed       int64 `json:"failed"`
	// HostRecords is how many records of the bridge were imported.
	HostRecords int64 `json:"hostRecords"`
	// Failures names the first records that could not be imported.
	Failures []string `json:"failures,omitempty"`
}

const (
	// importWorkers is how many records are written at once. Those that wait for
	// the disk together share one fsync.
	importWorkers = 64
	// mostFailures is how many failures a result names.
	mostFailures = 10
)

// Import stores the records of an export, and returns what became of them, also
// with an error. It may be repeated: what is stored already stays as it is.
//
// It stores records while it reads them, so part of an export that is not whole
// is stored when it returns ErrNotWhole; use Verify before. The HostPosition is
// stored last, and only if nothing failed.
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
	// cancel ends it with a reason.
	cancel context.CancelCauseFunc

	mutex  sync.Mutex
	result Result
}

// each stores all records but the position, which it returns.
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
			// The record of a write that waits for the host must not be there before
			// its event: a running bridge would find nothing to do, and remove it.
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

// pool stores records, many at once.
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

// wait ends the pool when all its records are stored.
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

// count counts an event.
func (i *importing) count(record *Record, change func(*Result)) {
	if record.Kind == Event {
		i.change(change)
	}
}

// failed counts a record of any kind that cannot be stored.
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

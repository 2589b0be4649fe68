// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// state is what an update or a deletion assumes a key to hold.
type state struct {
	// obj is nil if it cannot be read.
	obj runtime.Object
	// data is the encoded obj.
	data []byte
	// revision is 0 when the key does not exist.
	revision engine.Revision
	// stale is whether the value must be rewritten even if it does not change, because
	// it is not encrypted with the write key in use.
	stale bool
}

func (s *state) meta() storage.ResponseMeta {
	return storage.ResponseMeta{ResourceVersion: uint64(s.revision)}
}

// expectation is the condition that the key still is in this state.
func (s *state) expectation() engine.Expectation {
	if s.revision == 0 {
		return engine.Absent()
	}
	return engine.AtRevision(s.revision)
}

// stateReader reads states of one key.
type stateReader struct {
	store *Store
	key   string
	// newObject returns an empty object of the caller's type.
	newObject func() (runtime.Object, error)
	// absentIsEmpty makes the state of a key that does not exist an empty object instead
	// of an error.
	absentIsEmpty bool
	// wantCorrupt makes an object that can be read an error, and one that cannot none:
	// storage.DeleteOptions.ExpectTransformOrDecodeError.
	wantCorrupt bool
}

func (s *Store) stateReader(key string, out runtime.Object) (*stateReader, error) {
	pointer, err := conversion.EnforcePtr(out)
	if err != nil {
		return nil, fmt.Errorf("reading into the output object: %w", err)
	}
	return &stateReader{
		store:     s,
		key:       key,
		newObject: func() (runtime.Object, error) { return emptyLike(out, pointer) },
	}, nil
}

func emptyLike(out runtime.Object, pointer reflect.Value) (runtime.Object, error) {
	if unstructured, ok := out.(runtime.Unstructured); ok {
		return unstructured.NewEmptyInstance(), nil
	}
	empty, ok := reflect.TypeAssert[runtime.Object](reflect.New(pointer.Type()))
	if !ok {
		return nil, fmt.Errorf("reading into the output object: %T is not an object", out)
	}
	return empty, nil
}

// current reads the state of the key from the engine.
func (r *stateReader) current(ctx context.Context) (*state, error) {
	record, _, err := r.store.engine.Get(ctx, []byte(r.key), 0)
	if errors.Is(err, engine.ErrNotFound) {
		return r.absent()
	}
	if err != nil {
		return nil, readError(err)
	}
	return r.of(ctx, record)
}

// afterConflict returns the state that a commit found instead of the expected one.
func (r *stateReader) afterConflict(ctx context.Context, conflict *engine.ConflictError) (*state, error) {
	if conflict.Current == nil {
		return r.absent()
	}
	return r.of(ctx, *conflict.Current)
}

func (r *stateReader) absent() (*state, error) {
	if !r.absentIsEmpty {
		return nil, storage.NewKeyNotFoundError(r.key, 0)
	}
	empty, err := r.newObject()
	if err != nil {
		return nil, err
	}
	return &state{obj: empty}, nil
}

func (r *stateReader) of(ctx context.Context, record engine.Record) (*state, error) {
	result := &state{revision: record.Revision}
	data, stale, err := r.store.values.open(ctx, r.key, record.Value)
	if err != nil {
		if r.wantCorrupt {
			return result, nil
		}
		return nil, storage.NewInternalError(err)
	}
	obj, err := r.newObject()
	if err != nil {
		return nil, err
	}
	if err := r.store.values.decodeInto(data, obj, record.Revision); err != nil {
		if r.wantCorrupt {
			return result, nil
		}
		return nil, err
	}
	if r.wantCorrupt {
		return nil, storage.NewInvalidObjError(r.key, "unsafe deletion is not allowed because the object is decodable from storage")
	}
	result.obj, result.data, result.stale = obj, data, stale
	return result, nil
}

// suggested returns the state of an object from the caller's cache. It may be out of
// date, which the commit detects.
func (r *stateReader) suggested(obj runtime.Object) (*state, error) {
	versioner := r.store.config.Versioner
	revision, err := versioner.ObjectResourceVersion(obj)
	if err != nil {
		return nil, fmt.Errorf("reading the resource version of the cached object: %w", err)
	}
	// Encoding clears the resource version, which the stored form does not have. The
	// caller's object must keep it.
	data, err := r.store.values.encode(obj)
	if err != nil {
		return nil, err
	}
	r.store.values.setRevision(obj, engine.Revision(revision))
	return &state{obj: obj, data: data, revision: engine.Revision(revision)}, nil
}

// attempt is the state on which an update or a deletion is tried. It begins with the
// caller's suggestion, if there is one. A failure on a suggestion is returned only after
// the engine confirmed that the suggestion was up to date.
type attempt struct {
	reader *stateReader
	*state
	// upToDate is whether the state was read from the engine.
	upToDate bool
}

func beginAttempt(ctx context.Context, reader *stateReader, suggestion runtime.Object) (*attempt, error) {
	a := &attempt{reader: reader}
	if suggestion == nil {
		err := a.refresh(ctx)
		return a, err
	}
	suggested, err := reader.suggested(suggestion)
	if err != nil {
		return nil, err
	}
	a.state = suggested
	return a, nil
}

// refresh reads the state from the engine.
func (a *attempt) refresh(ctx context.Context) error {
	current, err := a.reader.current(ctx)
	if err != nil {
		return err
	}
	a.set(current)
	return nil
}

// set replaces the state by one that the engine returned.
func (a *attempt) set(current *state) {
	a.state, a.upToDate = current, true
}

// retryUnlessUpToDate returns nil after an attempt that failed on an outdated suggestion:
// the state is refreshed and the attempt is worth a retry. Otherwise it returns the error
// for the caller.
func (a *attempt) retryUnlessUpToDate(ctx context.Context, cause error) error {
	if a.upToDate {
		return cause
	}
	before := a.revision
	if err := a.refresh(ctx); err != nil {
		return err
	}
	if a.revision == before {
		return cause
	}
	return nil
}

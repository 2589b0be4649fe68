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

// state is what a key holds, as far as an update or a deletion knows it.
type state struct {
	// obj is nil if it cannot be read.
	obj runtime.Object
	// data is what obj is encoded to.
	data []byte
	// revision is 0 when the key does not exist.
	revision engine.Revision
	// stale asks for the value to be written again although it is the same.
	stale bool
}

func (s *state) meta() storage.ResponseMeta {
	return storage.ResponseMeta{ResourceVersion: uint64(s.revision)}
}

// expectation holds if the key still is in this state.
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
	// newObject makes an empty object of the type that the caller asked for.
	newObject func() (runtime.Object, error)
	// absentIsEmpty makes a key that does not exist an empty object instead of
	// an error.
	absentIsEmpty bool
	// wantCorrupt asks for a state that cannot be read, see
	// storage.DeleteOptions.
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

// current reads the state that the key has now.
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

// afterConflict is the state that a commit found instead of the expected one.
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

// suggested is the state of an object that the caller has from a cache. Whether
// the key still is in it turns out at the commit.
func (r *stateReader) suggested(obj runtime.Object) (*state, error) {
	versioner := r.store.config.Versioner
	revision, err := versioner.ObjectResourceVersion(obj)
	if err != nil {
		return nil, fmt.Errorf("reading the resource version of the cached object: %w", err)
	}
	// The cache's object carries a revision, what is stored does not. The
	// caller gets its object back as it was.
	data, err := r.store.values.encode(obj)
	if err != nil {
		return nil, err
	}
	r.store.values.setRevision(obj, engine.Revision(revision))
	return &state{obj: obj, data: data, revision: engine.Revision(revision)}, nil
}

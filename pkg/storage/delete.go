// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Delete implements storage.Interface.
func (s *Store) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validateDeletion storage.ValidateObjectFunc, cachedExistingObject runtime.Object, opts storage.DeleteOptions,
) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	reader, err := s.stateReader(key, out)
	if err != nil {
		return err
	}
	reader.wantCorrupt = s.config.AllowUnsafeDelete && opts.ExpectTransformOrDecodeError
	if reader.wantCorrupt {
		// That the object is in a cache does not mean that the stored one can be read.
		cachedExistingObject = nil
	}
	attempt, err := beginAttempt(ctx, reader, cachedExistingObject)
	if err != nil {
		return err
	}
	d := &deletion{store: s, key: key, out: out, preconditions: preconditions, validate: validateDeletion, attempt: attempt}
	for {
		done, err := d.once(ctx)
		if done || err != nil {
			return err
		}
	}
}

// deletion is one call of Delete.
type deletion struct {
	store         *Store
	key           string
	out           runtime.Object
	preconditions *storage.Preconditions
	validate      storage.ValidateObjectFunc
	attempt       *attempt
}

// once tries the deletion on the state of the attempt. The caller retries if it is
// neither done nor failed.
func (d *deletion) once(ctx context.Context) (done bool, err error) {
	if err := d.preconditions.Check(d.key, d.attempt.obj); err != nil {
		return false, d.attempt.retryUnlessUpToDate(ctx, err)
	}
	if err := d.validate(ctx, d.attempt.obj); err != nil {
		return false, d.attempt.retryUnlessUpToDate(ctx, err)
	}
	revision, err := d.store.engine.Commit(ctx, engine.Op{Key: []byte(d.key), Expect: d.attempt.expectation()})
	if conflict := new(engine.ConflictError); errors.As(err, &conflict) {
		current, err := d.attempt.reader.afterConflict(ctx, conflict)
		if err != nil {
			return false, err
		}
		d.attempt.set(current)
		return false, nil
	}
	if err != nil {
		return false, writeError(err)
	}
	if d.attempt.reader.wantCorrupt {
		return true, nil
	}
	return true, d.store.values.decodeInto(d.attempt.data, d.out, revision)
}

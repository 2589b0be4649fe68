// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// GuaranteedUpdate implements storage.Interface. As in the etcd3 store, an update that
// returns no time to live makes an object that never expires.
func (s *Store) GuaranteedUpdate(ctx context.Context, key string, destination runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, tryUpdate storage.UpdateFunc, cachedExistingObject runtime.Object,
) error {
	key, err := s.prepareKey(key, false)
	if err != nil {
		return err
	}
	reader, err := s.stateReader(key, destination)
	if err != nil {
		return err
	}
	reader.absentIsEmpty = ignoreNotFound
	attempt, err := beginAttempt(ctx, reader, cachedExistingObject)
	if err != nil {
		return err
	}
	u := &update{store: s, key: key, destination: destination, preconditions: preconditions, try: tryUpdate, attempt: attempt}
	for {
		done, err := u.once(ctx)
		if done || err != nil {
			return err
		}
	}
}

// update is one call of GuaranteedUpdate.
type update struct {
	store         *Store
	key           string
	destination   runtime.Object
	preconditions *storage.Preconditions
	try           storage.UpdateFunc
	attempt       *attempt
}

// once tries the update on the state of the attempt. The caller retries if it is neither
// done nor failed.
func (u *update) once(ctx context.Context) (done bool, err error) {
	if err := u.preconditions.Check(u.key, u.attempt.obj); err != nil {
		if u.attempt.upToDate {
			return false, err
		}
		return false, u.attempt.refresh(ctx)
	}
	updated, ttl, err := u.try(u.attempt.obj, u.attempt.meta())
	if err != nil {
		return false, u.attempt.retryUnlessUpToDate(ctx, err)
	}
	data, err := u.store.values.encode(updated)
	if err != nil {
		return false, err
	}
	if !u.attempt.stale && bytes.Equal(data, u.attempt.data) {
		unchanged, err := u.confirmUnchanged(ctx, data)
		if err != nil || !unchanged {
			return false, err
		}
		if !u.attempt.stale {
			return true, u.store.values.decodeInto(data, u.destination, u.attempt.revision)
		}
	}
	return u.commit(ctx, updated, data, ttl)
}

// confirmUnchanged reports whether the stored data equals data. It reads the engine if
// the state is only a suggestion.
func (u *update) confirmUnchanged(ctx context.Context, data []byte) (bool, error) {
	if u.attempt.upToDate {
		return true, nil
	}
	if err := u.attempt.refresh(ctx); err != nil {
		return false, err
	}
	return bytes.Equal(data, u.attempt.data), nil
}

func (u *update) commit(ctx context.Context, updated runtime.Object, data []byte, ttl *uint64) (done bool, err error) {
	life := uint64(0)
	if ttl != nil {
		life = *ttl
	}
	revision, err := u.store.write(ctx, u.key, updated, data, u.attempt.expectation(), life)
	if conflict := new(engine.ConflictError); errors.As(err, &conflict) {
		current, err := u.attempt.reader.afterConflict(ctx, conflict)
		if err != nil {
			return false, err
		}
		u.attempt.set(current)
		return false, nil
	}
	if err != nil {
		return false, writeError(err)
	}
	return true, u.store.values.writtenInto(updated, data, u.destination, revision)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Create implements storage.Interface.
func (s *Storage) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	event, err := eventOf(obj)
	if err != nil {
		return err
	}
	name, err := keyOf(key)
	if err != nil {
		return err
	}
	if version, err := s.Versioner().ObjectResourceVersion(obj); err == nil && version != 0 {
		// The store would refuse it, but only after the host has created it.
		return storage.ErrResourceVersionSetOnCreate
	}
	defer s.bridge.Lock(name)()
	stored, err := s.read(ctx, key)
	if err != nil {
		return err
	}
	// An event that the host may have deleted, or has let expire, does not reserve its
	// name: the host decides.
	if stored != nil && !s.bridge.NameMayBeFree(stored) {
		return storage.NewKeyExistsError(key, 0)
	}
	made, err := s.bridge.Create(ctx, event)
	if apierrors.IsAlreadyExists(err) || err == nil && stored != nil && made.Host.Pending && !s.bridge.NameIsFree(stored) {
		return storage.NewKeyExistsError(key, 0)
	}
	if err != nil {
		return err
	}
	if stored != nil {
		err = s.substitute(ctx, key, stored, made, out, ttl)
	} else {
		err = s.Interface.Create(ctx, key, made, out, ttl)
	}
	if storage.IsExist(err) {
		err = s.replace(ctx, key, made, out, ttl)
	}
	if err != nil {
		return err
	}
	return s.removeIfDeleted(ctx, key, made)
}

// removeIfDeleted deletes an event that was deleted in the host before it was stored
// here.
func (s *Storage) removeIfDeleted(ctx context.Context, key string, made *events.Event) error {
	deleted, err := s.bridge.DeletedMeanwhile(ctx, made)
	if err != nil || !deleted {
		return err
	}
	err = s.Interface.Delete(ctx, key, &events.Event{}, storage.NewUIDPreconditions(string(made.UID)), storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
	if storage.IsNotFound(err) || storage.IsInvalidObj(err) {
		return nil
	}
	return err
}

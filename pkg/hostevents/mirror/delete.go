// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Delete implements storage.Interface.
func (s *Storage) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validateDeletion storage.ValidateObjectFunc, cachedExistingObject runtime.Object, opts storage.DeleteOptions,
) error {
	if opts.ExpectTransformOrDecodeError {
		// The host's event cannot be identified from one that cannot be read.
		return s.Interface.Delete(ctx, key, out, preconditions, validateDeletion, cachedExistingObject, opts)
	}
	name, err := keyOf(key)
	if err != nil {
		return err
	}
	defer s.bridge.Lock(name)()
	d := &deletion{storage: s, key: key, out: out, preconditions: preconditions, validate: validateDeletion, opts: opts}
	return s.retryOnMoved(ctx, name, func() error {
		err := d.attempt(ctx)
		for n := 1; n < attempts && errors.Is(err, errMadeMeanwhile); n++ {
			err = d.attempt(ctx)
		}
		return err
	})
}

// errMadeMeanwhile ends the deletion of an event that another replica has created in
// the host after it was looked up there.
var errMadeMeanwhile = errors.New("the event was made in the host cluster meanwhile")

// deletion is one call of Delete.
type deletion struct {
	storage       *Storage
	key           string
	out           runtime.Object
	preconditions *storage.Preconditions
	validate      storage.ValidateObjectFunc
	opts          storage.DeleteOptions
}

func (d *deletion) attempt(ctx context.Context) error {
	stored, err := d.storage.read(ctx, d.key)
	if err != nil {
		return err
	}
	if stored == nil {
		return storage.NewKeyNotFoundError(d.key, 0)
	}
	if err := d.preconditions.Check(d.key, stored); err != nil {
		return err
	}
	if err := d.validate(ctx, stored); err != nil {
		return err
	}
	unchanged := d.preconditions != nil && d.preconditions.ResourceVersion != nil
	if err := d.storage.bridge.Delete(ctx, stored, unchanged); err != nil {
		return err
	}
	d.storage.bridge.AddTombstone(stored)
	unmade := func(_ context.Context, obj runtime.Object) error {
		now, err := eventOf(obj)
		if err == nil && stored.Host.Version == 0 && now.Host.Version != 0 {
			err = errMadeMeanwhile
		}
		return err
	}
	err = d.storage.Interface.Delete(ctx, d.key, d.out, storage.NewUIDPreconditions(string(stored.UID)), unmade, nil, d.opts)
	if storage.IsNotFound(err) || storage.IsInvalidObj(err) {
		// The deletion was ingested from the host before, or another event has the name
		// now.
		return copyInto(stored, d.out)
	}
	return err
}

func copyInto(event *events.Event, out runtime.Object) error {
	into, err := eventOf(out)
	if err != nil {
		return err
	}
	*into = *event
	return nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// DryRunner is a store whose writes another server may reject. The generic registry does
// not call the store for a dry run, so after its own checks it asks a DryRunner whether
// the write would succeed. The methods return the error that the write would return.
type DryRunner interface {
	TryCreate(ctx context.Context, event *events.Event) error
	TryUpdate(ctx context.Context, updated *events.Event) error
	TryDelete(ctx context.Context, stored *events.Event) error
}

// dryRunner returns the DryRunner of a dry run, nil if the request is none or the store is
// none.
func (r *REST) dryRunner(dryRun []string) DryRunner {
	if len(dryRun) == 0 {
		return nil
	}
	runner, _ := r.Storage.Storage.(DryRunner)
	return runner
}

// Replacer is a store that can create an event in place of one that can still be read but
// has expired in the host cluster.
type Replacer interface {
	// Replacing returns the context of a request that may replace such an event.
	Replacing(ctx context.Context) context.Context
}

// replacing returns the context of a create or an apply.
func (r *REST) replacing(ctx context.Context) context.Context {
	if replacer, ok := r.Storage.Storage.(Replacer); ok {
		return replacer.Replacing(ctx)
	}
	return ctx
}

// Create creates an event.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	ctx = r.replacing(ctx)
	created, err := r.Store.Create(ctx, obj, validate, options)
	if err != nil {
		return created, err
	}
	if runner := r.dryRunner(options.DryRun); runner != nil {
		if event, ok := created.(*events.Event); ok {
			err = runner.TryCreate(ctx, event)
		}
	}
	return created, err
}

// Update updates an event or creates it. Only an apply sets forceAllowCreate.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, validateCreate rest.ValidateObjectFunc,
	validateUpdate rest.ValidateObjectUpdateFunc, forceAllowCreate bool, options *metav1.UpdateOptions,
) (runtime.Object, bool, error) {
	if forceAllowCreate {
		ctx = r.replacing(ctx)
	}
	updated, created, err := r.Store.Update(ctx, name, info, validateCreate, validateUpdate, forceAllowCreate, options)
	if err != nil {
		return updated, created, err
	}
	if runner := r.dryRunner(options.DryRun); runner != nil {
		if event, ok := updated.(*events.Event); ok {
			err = runner.TryUpdate(ctx, event)
		}
	}
	return updated, created, err
}

// Delete deletes an event.
func (r *REST) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	var runner DryRunner
	if options != nil {
		runner = r.dryRunner(options.DryRun)
	}
	if runner == nil {
		return r.Store.Delete(ctx, name, validate, options)
	}
	stored, err := r.Store.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, false, err
	}
	result, immediate, err := r.Store.Delete(ctx, name, validate, options)
	if err != nil {
		return result, immediate, err
	}
	return result, immediate, tryDelete(ctx, runner, stored)
}

// DeleteCollection deletes the events that the list options select.
func (r *REST) DeleteCollection(ctx context.Context, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions, listOptions *metainternalversion.ListOptions) (runtime.Object, error) {
	deleted, err := r.Store.DeleteCollection(ctx, validate, options, listOptions)
	if err != nil || options == nil {
		return deleted, err
	}
	runner := r.dryRunner(options.DryRun)
	if runner == nil {
		return deleted, nil
	}
	err = meta.EachListItem(deleted, func(item runtime.Object) error { return tryDelete(ctx, runner, item) })
	return deleted, err
}

func tryDelete(ctx context.Context, runner DryRunner, stored runtime.Object) error {
	event, ok := stored.(*events.Event)
	if !ok {
		return nil
	}
	return runner.TryDelete(ctx, event)
}

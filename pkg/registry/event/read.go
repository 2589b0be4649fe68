// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
)

// anyVersion is the resource version that any state satisfies, as in a cache.
const anyVersion = "0"

// Get returns an event. An invalid resource version is a bad request; the watch cache
// would return an internal error for it.
func (r *REST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	if _, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %v", err))
	}
	return r.Store.Get(ctx, name, options)
}

// List returns events. At resource version 0 the watch cache ignores the limit and returns
// all events, as kube-apiserver does for cached resources. It does not cache events, and
// there may be many, so a list with a limit is made one of the newest version.
func (r *REST) List(ctx context.Context, options *metainternalversion.ListOptions) (runtime.Object, error) {
	if options != nil && options.Limit > 0 && options.ResourceVersion == anyVersion {
		latest := *options
		latest.ResourceVersion, latest.ResourceVersionMatch = "", ""
		options = &latest
	}
	if err := r.checkReached(ctx, options); err != nil {
		return nil, err
	}
	list, err := r.Store.List(ctx, options)
	if err == nil {
		r.revisions.raiseTo(list)
	}
	return list, err
}

// checkReached rejects a list at a future resource version as the built-in does: at once
// and without a Retry-After. The watch cache would wait three seconds and return one, and
// a client would retry many times before it lists without a version. It has to do that if
// its version comes from another store.
func (r *REST) checkReached(ctx context.Context, options *metainternalversion.ListOptions) error {
	if options == nil || options.Continue != "" {
		return nil
	}
	version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion)
	if err != nil || version <= r.revisions.highest() {
		return nil //nolint:nilerr // the store returns the error of an invalid version
	}
	current, err := r.currentRevision(ctx)
	if err != nil || version <= current {
		return nil //nolint:nilerr // the cache may be able to serve the list, and fails if it is not
	}
	return storage.NewTooLargeResourceVersionError(version, current, 0)
}

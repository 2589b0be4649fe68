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

// anyVersion asks for whatever version the server has at hand.
const anyVersion = "0"

// Get returns an event. A version that is none is refused as the client's
// mistake; the watch cache would answer that the server has failed.
func (r *REST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	if _, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %v", err))
	}
	return r.Store.Get(ctx, name, options)
}

// List returns events. Where any version will do, the watch cache would answer
// with all of them, whatever the limit, as it does for resources that are
// cached in kube-apiserver. Events are not among those, and there may be many:
// a client that asks for a page gets one.
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

// checkReached refuses a list at a resource version that the store has not
// reached as the built-in does: at once, and without a time after which to try
// again. The watch cache would wait three seconds for it and name such a time.
// Clients obey it many times before they list at no version, as they must after
// a watch that was refused because of the same version.
func (r *REST) checkReached(ctx context.Context, options *metainternalversion.ListOptions) error {
	if options == nil || options.Continue != "" {
		return nil
	}
	version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion)
	if err != nil || version <= r.revisions.highest() {
		return nil //nolint:nilerr // what is wrong with it is for the store to answer
	}
	current, err := r.currentRevision(ctx)
	if err != nil || version <= current {
		return nil //nolint:nilerr // a list is never silent, and the cache may be able to answer
	}
	return storage.NewTooLargeResourceVersionError(version, current, 0)
}

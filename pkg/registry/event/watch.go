// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

const (
	// revisionTimeout bounds the wait for the store to say at which revision it is.
	revisionTimeout = 3 * time.Second
	// revisionRetrySeconds is after how long a client whose watch could not be
	// checked is asked to come back.
	revisionRetrySeconds = 1
)

// Watch watches events. A watch from a resource version that the store has not
// reached is refused with 410 Expired, as one from before the compact revision
// is: clients hold such versions when the group was served from another store
// before, and a watch from there would be silent until the store has caught up,
// which may be never. Clients answer a 410 by a list.
//
// Whether the store has reached a version is asked of the store itself, never of
// a cache in front of it: one replica's cache may be behind what another replica
// has answered.
func (r *REST) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	version, ok := startOf(options)
	if !ok || version <= r.revisions.highest() {
		return r.Store.Watch(ctx, options)
	}
	current, err := r.currentRevision(ctx)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Failed to read the revision of the store for a watch")
		return nil, errUnknownRevision()
	}
	if version > current {
		return newFailedWatch(aboveCurrent(version, current)), nil
	}
	return r.Store.Watch(ctx, options)
}

// startOf returns the version from which the client wants to be told of changes.
// There is none to check where the watch begins with the present state, at
// whatever version that is, or from now. Initial events of a version that is not
// there yet are refused by the stores, as they are by the built-in.
func startOf(options *metainternalversion.ListOptions) (version uint64, ok bool) {
	if options == nil || options.SendInitialEvents != nil && *options.SendInitialEvents {
		return 0, false
	}
	version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion)
	// What is wrong with it is for the store to answer.
	return version, err == nil && version != 0
}

// currentRevision reads the store's revision.
func (r *REST) currentRevision(ctx context.Context) (uint64, error) {
	reading, cancel := context.WithTimeout(ctx, revisionTimeout)
	defer cancel()
	current, err := r.Storage.Storage.GetCurrentResourceVersion(reading)
	if err != nil {
		return 0, err
	}
	r.revisions.raise(current)
	return current, nil
}

// errUnknownRevision asks the client to come back: a watch that nobody has
// checked might be silent for ever.
func errUnknownRevision() error {
	refusal := apierrors.NewServiceUnavailable("the store does not answer at which resource version it is; try again")
	refusal.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: revisionRetrySeconds}
	return refusal
}

func aboveCurrent(version, current uint64) *apierrors.StatusError {
	return apierrors.NewResourceExpired(fmt.Sprintf("The resourceVersion for the provided watch, %d, is above the current one, %d: it is from another store, "+
		"or from before this one was restored. List again.", version, current))
}

// newFailedWatch returns a watch that ends with the error. Clients treat a 410
// in the stream as the end of what they can follow; as the status of the
// response, some would repeat the request for ever.
func newFailedWatch(err *apierrors.StatusError) watch.Interface {
	results := make(chan watch.Event, 1)
	results <- watch.Event{Type: watch.Error, Object: &err.ErrStatus}
	close(results)
	return watch.NewProxyWatcher(results)
}

// revisions is the highest revision that the store is known to have reached. It
// saves most watches a read of the store: they start from versions that lists of
// this process have returned.
type revisions struct {
	known atomic.Uint64
}

func (r *revisions) highest() uint64 { return r.known.Load() }

// raise notes that the store has reached the revision.
func (r *revisions) raise(reached uint64) {
	for {
		known := r.known.Load()
		if reached <= known || r.known.CompareAndSwap(known, reached) {
			return
		}
	}
}

// raiseTo notes that the store has reached the resource version of a list.
func (r *revisions) raiseTo(list runtime.Object) {
	listed, ok := list.(*events.EventList)
	if !ok {
		return
	}
	if version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(listed.ResourceVersion); err == nil {
		r.raise(version)
	}
}

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
	// revisionTimeout is for how long a read of the store's revision may take.
	revisionTimeout = 3 * time.Second
	// revisionRetrySeconds is the Retry-After of a watch whose start could not be checked.
	revisionRetrySeconds = 1
)

// Watch watches events. A watch from a future resource version fails with 410 Expired, like
// one from before the compact revision. Clients have such versions if another store served
// the group before, and a watch from one would send nothing until the store reaches it,
// which may be never. After a 410 clients list.
//
// The revision is read from the store and not from a cache in front of it: the cache of one
// replica may be behind the responses of another.
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

// startOf returns the resource version that the watch starts from. It reports false if
// there is none to check: the watch starts with initial events or from now. Initial events
// of a future version are rejected by the stores, as by the built-in.
func startOf(options *metainternalversion.ListOptions) (version uint64, ok bool) {
	if options == nil || options.SendInitialEvents != nil && *options.SendInitialEvents {
		return 0, false
	}
	version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(options.ResourceVersion)
	// The store returns the error of an invalid version.
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

// errUnknownRevision makes the client retry. A watch whose start was not checked might never
// send anything.
func errUnknownRevision() error {
	refusal := apierrors.NewServiceUnavailable("the store does not respond, so the resource version of the watch cannot be checked; try again")
	refusal.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: revisionRetrySeconds}
	return refusal
}

func aboveCurrent(version, current uint64) *apierrors.StatusError {
	return apierrors.NewResourceExpired(fmt.Sprintf("The resourceVersion for the provided watch, %d, is above the current one, %d: it is from another store, "+
		"or from before this one was restored. List again.", version, current))
}

// newFailedWatch returns a watch that ends with the error. After a 410 in the stream all
// clients list; if it is the status of the response, some retry the watch forever.
func newFailedWatch(err *apierrors.StatusError) watch.Interface {
	results := make(chan watch.Event, 1)
	results <- watch.Event{Type: watch.Error, Object: &err.ErrStatus}
	close(results)
	return watch.NewProxyWatcher(results)
}

// revisions is the highest revision that the store is known to have reached. It saves most
// watches a read of the store, because they start from versions of lists of this process.
type revisions struct {
	known atomic.Uint64
}

func (r *revisions) highest() uint64 { return r.known.Load() }

// raise records that the store has reached the revision.
func (r *revisions) raise(reached uint64) {
	for {
		known := r.known.Load()
		if reached <= known || r.known.CompareAndSwap(known, reached) {
			return
		}
	}
}

// raiseTo records that the store has reached the resource version of the list.
func (r *revisions) raiseTo(list runtime.Object) {
	listed, ok := list.(*events.EventList)
	if !ok {
		return
	}
	if version, err := (storage.APIObjectVersioner{}).ParseResourceVersion(listed.ResourceVersion); err == nil {
		r.raise(version)
	}
}

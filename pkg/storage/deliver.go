// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/klog/v2"
)

// errStalled ends a watcher whose client takes nothing. The client is not told:
// it does not listen.
var errStalled = errors.New("the watcher takes no events")

// deliver sends the event to the client, waiting for it for a while.
func (w *watcher) deliver(ctx context.Context, event watch.Event) error {
	select {
	case w.results <- event:
		return nil
	default:
	}
	stalled := time.NewTimer(w.store.config.StallTimeout)
	defer stalled.Stop()
	select {
	case w.results <- event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-stalled.C:
		w.store.config.Observer.WatcherStalled()
		klog.FromContext(ctx).V(2).Info("Ended a watch whose client takes no events", "key", w.scope.key)
		return errStalled
	}
}

// handOut is the form in which this watcher's client gets the object. The watch
// cache, which alone asks for progress or timestamps, keeps the objects and
// wants them plain and for itself.
func (w *watcher) handOut(shared *sharedObject) runtime.Object {
	switch {
	case w.options.RecordTimestamps:
		return &timedObject{Object: shared.GetObject(), at: time.Now()}
	case w.options.ProgressNotify:
		return shared.GetObject()
	default:
		return shared
	}
}

// timedObject carries the time at which the store had the object ready.
type timedObject struct {
	runtime.Object
	at time.Time
}

var _ storage.WatchEventWithRecordTime = (*timedObject)(nil)

// RecordTime implements storage.WatchEventWithRecordTime.
func (o *timedObject) RecordTime() time.Time { return o.at }

// Unwrap implements storage.WatchEventWithRecordTime.
func (o *timedObject) Unwrap() runtime.Object { return o.Object }

// DeepCopyObject implements runtime.Object.
func (o *timedObject) DeepCopyObject() runtime.Object {
	return &timedObject{Object: o.Object.DeepCopyObject(), at: o.at}
}

// GetObjectMeta implements metav1.ObjectMetaAccessor.
func (o *timedObject) GetObjectMeta() metav1.Object {
	accessor, err := meta.Accessor(o.Object)
	if err != nil {
		return nil
	}
	return accessor
}

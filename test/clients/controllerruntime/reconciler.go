// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/recorder"

	corev1 "k8s.io/api/core/v1"
)

// reconciler reports each change of a ConfigMap.
type reconciler struct {
	reader   client.Reader
	recorder recorder.EventRecorder
}

// period is short, so that who looks need not wait long for a series.
const period = time.Second

// Reconcile looks at the object again and again, as controllers do that have
// something outside of the cluster to compare it with. As long as the object
// stays the same its events are the same too, and the recorder makes them one
// event with a series.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var object corev1.ConfigMap
	if err := r.reader.Get(ctx, request.NamespacedName, &object); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return ctrl.Result{}, nil // deleted meanwhile
		}
		return ctrl.Result{}, fmt.Errorf("getting %s: %w", request, err)
	}
	entries := strconv.Itoa(len(object.Data))
	annotations := map[string]string{"example.com/entries": entries}
	r.recorder.AnnotatedEventf(&object, nil, annotations, corev1.EventTypeNormal, "Reconciled", "Reconcile", "entries: %s", entries)
	return ctrl.Result{RequeueAfter: period}, nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

// controllerName is the reporting controller of the events.
const controllerName = "example.com/configmap-controller"

// newManager makes a manager with one controller, which acts in one namespace.
func newManager(config *rest.Config, namespace string) (ctrl.Manager, error) {
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		// Nobody scrapes it, and a port could be taken.
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	reconciler := &reconciler{reader: mgr.GetClient(), recorder: mgr.GetEventRecorder(controllerName)}
	if err := ctrl.NewControllerManagedBy(mgr).For(&corev1.ConfigMap{}).Complete(reconciler); err != nil {
		return nil, fmt.Errorf("making the controller: %w", err)
	}
	return mgr, nil
}

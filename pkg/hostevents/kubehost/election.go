// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The defaults of control-plane components.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// LeaseElection elects the leader by a Lease in the host cluster. The result is for
// Config.Elect. No two processes on one store may have the same identity; a process
// that has the identity of one that has died need not wait until its Lease expires.
func LeaseElection(config *rest.Config, namespace, name, identity string) (func(context.Context, func(context.Context)) error, error) {
	own := rest.CopyConfig(config)
	own.Timeout = renewDeadline / 2
	client, err := coordinationv1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client of the host cluster's leases: %w", err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	return func(ctx context.Context, lead func(context.Context)) error {
		for ctx.Err() == nil {
			if err := electOnce(ctx, lock, lead); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// ProcessIdentity returns an identity for this process that no other one has.
func ProcessIdentity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("naming this process for the election: %w", err)
	}
	return host + "_" + string(uuid.NewUUID()), nil
}

// electOnce returns when leadership was lost or the context has ended, and lead has
// returned.
func electOnce(ctx context.Context, lock resourcelock.Interface, lead func(context.Context)) error {
	// The elector calls lead in a goroutine and does not wait for it.
	var leading sync.Mutex
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   leaseDuration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: true,
		Name:            "host-events",
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				leading.Lock()
				defer leading.Unlock()
				if ctx.Err() == nil {
					lead(ctx)
				}
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("setting up the election: %w", err)
	}
	elector.Run(ctx)
	leading.Lock()
	defer leading.Unlock()
	return nil
}

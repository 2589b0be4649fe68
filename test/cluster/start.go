// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// AlreadyRunningError says that a cluster runs in the directory where one was to be
// started.
type AlreadyRunningError struct{ Dir, Kubeconfig string }

// Error implements error.
func (a *AlreadyRunningError) Error() string {
	return fmt.Sprintf("a cluster is already running in %s (kubeconfig %s): use it, or stop it with make down", a.Dir, a.Kubeconfig)
}

// Start runs every component and returns when the cluster can be worked with:
// namespaces have their service accounts, and events-apiserver, if there is one,
// is ready beside it. It is not yet registered; see Register. When Start fails
// it leaves no process, only the logs.
func (c *Cluster) Start(ctx context.Context) (err error) {
	unlock, err := lock(c.layout.dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.checkStart(); err != nil {
		c.releaseAll()
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stopAll(context.WithoutCancel(ctx)))
		}
	}()
	if err := c.prepareCredentials(); err != nil {
		return fmt.Errorf("preparing credentials: %w", err)
	}
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if !c.servesEvents() {
		return nil
	}
	return c.startServer(ctx)
}

// checkStart finds what a person must put right, before anything is started.
func (c *Cluster) checkStart() error {
	saved, err := loadState(c.layout.dir)
	if err != nil {
		return err
	}
	if saved != nil && saved.running() {
		return &AlreadyRunningError{Dir: c.layout.dir, Kubeconfig: c.AdminKubeconfig()}
	}
	var errs []error
	for _, component := range c.Components() {
		errs = append(errs, component.checkProgram())
		for _, port := range component.ports {
			if !c.holds(*port.Value) {
				errs = append(errs, port.check())
			}
		}
	}
	if c.servesEvents() {
		_, err := os.Stat(c.artifacts())
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c *Cluster) holds(port int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, held := c.held[port]
	return held
}

func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.each(ctx, (*Component).Start, Etcd, EventsEtcd); err != nil {
		return err
	}
	if err := c.each(ctx, (*Component).Start, KubeAPIServer); err != nil {
		return err
	}
	if err := c.each(ctx, (*Component).Start, KubeControllerManager, KubeScheduler); err != nil {
		return err
	}
	return c.waitUsable(ctx)
}

// startServer applies what events-apiserver needs in the cluster before it can
// get ready, and starts it.
func (c *Cluster) startServer(ctx context.Context) error {
	if err := c.applyAccess(ctx); err != nil {
		return fmt.Errorf("preparing the cluster for events-apiserver: %w", err)
	}
	return c.components[EventsAPIServer].Start(ctx)
}

const usableBound = time.Minute

// waitUsable waits for what controllers make after kube-apiserver is ready: pods
// need the service account of their namespace, aggregated servers read how
// kube-apiserver authenticates.
func (c *Cluster) waitUsable(ctx context.Context) error {
	config, err := c.AdminConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, usableBound)
	defer cancel()
	err = poll(ctx, readyPoll, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("getting the default service account: %w", notYet(err))
		}
		_, err = client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("getting the authentication settings for aggregated servers: %w", notYet(err))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the cluster to become usable: %w", err)
	}
	return nil
}

// notYet ends the wait at an error that time does not heal.
func notYet(err error) error {
	if apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
		return final(err)
	}
	return err
}

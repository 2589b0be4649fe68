// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	apimachineryversion "k8s.io/apimachinery/pkg/version"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/filters"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/pki"
	"github.com/events-apiserver/events-apiserver/pkg/version"
)

// Run serves until ctx ends, or until the store must be opened by another process,
// then drains and returns. In the latter case it returns the reason.
func Run(ctx context.Context, o options.CompletedOptions) (err error) {
	config, err := NewConfig(o)
	if err != nil {
		return err
	}
	// The store must outlive every request, and what is acknowledged is on its
	// disk already.
	defer func() { err = errors.Join(err, config.Store.Close()) }()
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := completed.New()
	if err != nil {
		return err
	}
	serving, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case reason := <-o.Storage.RestartRequested():
			end(reason)
		case <-serving.Done():
		}
	}()
	err = server.PrepareRun().RunWithContext(serving)
	if ctx.Err() == nil {
		err = errors.Join(context.Cause(serving), err)
	}
	return err
}

// NewConfig turns the options into the configuration of a server. It opens the
// port and the store, and makes certificates where they are missing. The store
// is to be closed after the server has ended.
func NewConfig(o options.CompletedOptions) (_ *apiserver.Config, err error) {
	generic := genericapiserver.NewRecommendedConfig(o.API.Codecs)
	if err := o.Generic.ApplyTo(&generic.Config); err != nil {
		return nil, fmt.Errorf("applying the generic options: %w", err)
	}
	generic.EffectiveVersion = ownVersion{generic.EffectiveVersion}
	// What kube-apiserver takes for long-running goes past flow control there;
	// so it must here, down to the paths that do not exist.
	generic.LongRunningFunc = filters.BasicLongRunningRequestCheck(
		sets.NewString("watch", "proxy"), sets.NewString("attach", "exec", "proxy", "log", "portforward"))
	o.API.PublishOpenAPI(&generic.Config)
	registry := metrics.NewRegistry()
	store, err := o.Storage.ApplyTo(&generic.Config, o.API, registry)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	if err := applyServingCertificate(o, &generic.Config); err != nil {
		return nil, err
	}
	apply := applyCluster
	if o.Standalone {
		apply = applyStandalone
	}
	if err := apply(o, generic); err != nil {
		return nil, err
	}
	return &apiserver.Config{Generic: generic, API: o.API, EventTTL: o.EventTTL, Store: store, Metrics: registry, HostEvents: o.HostEvents.Config(o.Standalone)}, nil
}

func applyCluster(o options.CompletedOptions, generic *genericapiserver.RecommendedConfig) error {
	if err := o.Recommended.ApplyTo(generic); err != nil {
		return fmt.Errorf("connecting to the cluster: %w", err)
	}
	apiserver.DescribeTokens(&generic.Config)
	return nil
}

// renewalInterval is how often a running server looks whether its certificate
// must be renewed; a third of a year is left then.
const renewalInterval = 12 * time.Hour

// applyServingCertificate lets the server make its own certificate if none was
// given. The generic server watches the files, so a renewal needs no restart.
func applyServingCertificate(o options.CompletedOptions, config *genericapiserver.Config) error {
	server := &o.Recommended.SecureServing.ServerCert
	if server.CertKey.CertFile != "" {
		return nil
	}
	ensure := func() error {
		if _, err := pki.EnsureServing(server.CertDirectory, o.CertHosts, time.Now()); err != nil {
			return fmt.Errorf("making the serving certificate in --cert-dir: %w", err)
		}
		return nil
	}
	if err := ensure(); err != nil {
		return err
	}
	server.CertKey.CertFile = filepath.Join(server.CertDirectory, pki.CertFile)
	server.CertKey.KeyFile = filepath.Join(server.CertDirectory, pki.KeyFile)
	return config.AddPostStartHook("renew-serving-certificate", func(hook genericapiserver.PostStartHookContext) error {
		go renewServingCertificate(hook, ensure)
		return nil
	})
}

func renewServingCertificate(ctx context.Context, ensure func() error) {
	ticker := time.NewTicker(renewalInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := ensure(); err != nil {
				klog.FromContext(ctx).Error(err, "Serving certificate not renewed")
			}
		}
	}
}

// ownVersion answers /version with our build and the Kubernetes version that we
// behave as.
type ownVersion struct {
	basecompatibility.EffectiveVersion
}

// Info describes the build in the form that Kubernetes clients know.
func (v ownVersion) Info() *apimachineryversion.Info {
	info := v.EffectiveVersion.Info()
	own := version.Get()
	info.GitVersion, info.GitCommit, info.GitTreeState = own.Version, own.Commit, own.TreeState
	return info
}

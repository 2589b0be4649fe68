// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	encryptionconfigcontroller "k8s.io/apiserver/pkg/server/options/encryptionconfig/controller"
	encryptionconfigmetrics "k8s.io/apiserver/pkg/server/options/encryptionconfig/metrics"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/storage/encryption"
)

const (
	// EncryptionFlag is the flag of the file with the encryption configuration.
	EncryptionFlag       = "encryption-provider-config"
	encryptionReloadFlag = "encryption-provider-config-automatic-reload"
)

const (
	// kmsTimeout is how long the start of the embedded store waits for a KMS
	// plugin, which may be starting too.
	kmsTimeout  = 30 * time.Second
	kmsPollStep = 500 * time.Millisecond
)

// loadedEncryption is what --encryption-provider-config asks for.
type loadedEncryption struct {
	transformers value.ResourceTransformers
	// checks fail while KMS plugins cannot be used.
	checks []healthz.HealthChecker
	// stop ends what the configuration started.
	stop context.CancelFunc
}

// Close ends what the configuration started.
func (e *loadedEncryption) Close() error {
	e.stop()
	return nil
}

func (o *StorageOptions) validateEncryption() []error {
	if o.Etcd.EncryptionProviderConfigAutomaticReload && o.Etcd.EncryptionProviderConfigFilepath == "" {
		return []error{fmt.Errorf("--%s must be set with --%s", encryptionReloadFlag, EncryptionFlag)}
	}
	return nil
}

// applyEncryption puts the encryption of both stores into the configuration.
// EtcdOptions would do nearly the same, but leave events out: see coreEvents.
// They take the transformers that are there already.
func (o *StorageOptions) applyEncryption(config *genericapiserver.Config) (*loadedEncryption, error) {
	path := o.Etcd.EncryptionProviderConfigFilepath
	if path == "" {
		return &loadedEncryption{stop: func() {}}, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	loaded, err := o.loadEncryption(ctx, config)
	if err != nil {
		stop()
		return nil, fmt.Errorf("--%s=%s: %w", EncryptionFlag, path, err)
	}
	loaded.stop = stop
	config.ResourceTransformers = loaded.transformers
	// As with the checks of etcd, a restart of this server heals no plugin: they
	// do not belong to liveness.
	config.HealthzChecks = append(config.HealthzChecks, loaded.checks...)
	config.ReadyzChecks = append(config.ReadyzChecks, loaded.checks...)
	return loaded, nil
}

func (o *StorageOptions) loadEncryption(ctx context.Context, config *genericapiserver.Config) (*loadedEncryption, error) {
	path, reload := o.Etcd.EncryptionProviderConfigFilepath, o.Etcd.EncryptionProviderConfigAutomaticReload
	inUse, stopUsing := context.WithCancel(ctx)
	loaded, err := encryptionconfig.LoadEncryptionConfig(inUse, path, reload, config.APIServerID)
	if err == nil {
		err = checkCoversEvents(loaded.Transformers)
	}
	if err != nil {
		stopUsing()
		return nil, err
	}
	encryptionconfigmetrics.RecordEncryptionConfigLastConfigInfo(config.APIServerID, loaded.EncryptionFileContentHash)
	if !reload {
		// It is in use as long as the server runs.
		context.AfterFunc(ctx, stopUsing)
		return &loadedEncryption{transformers: coreEvents{encryptionconfig.StaticTransformers(loaded.Transformers)}, checks: loaded.HealthChecks}, nil
	}
	if len(loaded.HealthChecks) != 1 {
		stopUsing()
		return nil, fmt.Errorf("%d health checks of a configuration that is reloaded, want one", len(loaded.HealthChecks))
	}
	dynamic := encryptionconfig.NewDynamicTransformers(loaded.Transformers, loaded.HealthChecks[0], stopUsing, loaded.KMSCloseGracePeriod)
	err = config.AddPostStartHook("start-encryption-provider-config-automatic-reload", func(genericapiserver.PostStartHookContext) error {
		reloading := encryptionconfigcontroller.NewDynamicEncryptionConfiguration("encryption-provider-config-automatic-reload-controller",
			path, dynamic, loaded.EncryptionFileContentHash, config.APIServerID)
		go reloading.Run(ctx)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &loadedEncryption{transformers: coreEvents{dynamic}, checks: []healthz.HealthChecker{dynamic}}, nil
}

// checkCoversEvents refuses a file in which events do not occur: what this
// server keeps would not be encrypted, whatever the file says.
func checkCoversEvents(transformers map[schema.GroupResource]value.Transformer) error {
	for _, name := range []schema.GroupResource{{Resource: "events"}, {Resource: "*"}, {Group: "*", Resource: "*"}} {
		if transformers[name] != nil {
			return nil
		}
	}
	return errors.New(`no entry is for events: want one whose resources have "events", "*." or "*.*"`)
}

// coreEvents finds the transformer of events.k8s.io under the name that events
// have in an encryption configuration. kube-apiserver keeps them in the core
// group, so "events" is their name there, and "events.events.k8s.io" is refused.
type coreEvents struct{ value.ResourceTransformers }

// TransformerForResource implements value.ResourceTransformers.
func (c coreEvents) TransformerForResource(resource schema.GroupResource) value.Transformer {
	if resource.Group == eventsv1.GroupName {
		resource.Group = ""
	}
	return c.ResourceTransformers.TransformerForResource(resource)
}

// forEmbedded is the encryption as the embedded store wants it. That cannot
// start without its plugin: the secret of its indexes is encrypted, too.
func (o *StorageOptions) forEmbedded(e *loadedEncryption) (encryption.Config, error) {
	if e.transformers == nil {
		return encryption.Config{}, nil
	}
	if err := awaitHealthy(e.checks, kmsTimeout); err != nil {
		return encryption.Config{}, fmt.Errorf("--%s=%s: waiting for the KMS plugin: %w", EncryptionFlag, o.Etcd.EncryptionProviderConfigFilepath, err)
	}
	return encryption.Config{
		Transformer:   e.transformers.TransformerForResource(eventsv1.Resource("events")),
		Changes:       o.Etcd.EncryptionProviderConfigAutomaticReload,
		CheckInterval: o.EncryptionCheckInterval,
	}, nil
}

// awaitHealthy returns the last error of a check that does not pass in time.
func awaitHealthy(checks []healthz.HealthChecker, timeout time.Duration) error {
	for _, check := range checks {
		var last error
		err := wait.PollUntilContextTimeout(context.Background(), kmsPollStep, timeout, true, func(ctx context.Context) (bool, error) {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz/"+check.Name(), nil)
			if err != nil {
				return false, err
			}
			last = check.Check(request)
			return last == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%w: %w", err, last)
		}
	}
	return nil
}

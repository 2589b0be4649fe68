// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"slices"
	"time"

	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
)

// Options are the settings of serve, as flags fill them.
type Options struct {
	// Standalone serves without a cluster.
	Standalone bool
	// EventTTL is how long an event is kept after its last write.
	EventTTL time.Duration
	// CertHosts are what a serving certificate made by the server covers.
	CertHosts []string
	// Storage chooses the store.
	Storage *StorageOptions
	// HostEvents joins the events with the core/v1 events of the host cluster.
	HostEvents *HostEventsOptions
	// Generic holds limits and timeouts of the generic server.
	Generic *genericoptions.ServerRunOptions
	// Recommended holds serving, delegated authentication and authorization,
	// admission and audit. Its Etcd is nil: the store is Storage's.
	Recommended *genericoptions.RecommendedOptions
	// Logging configures the log.
	Logging *logsapi.LoggingConfiguration

	// API is what the server serves.
	API *apiserver.API
}

const (
	// defaultEventTTL is a week: long enough to look back over a weekend.
	defaultEventTTL = 168 * time.Hour
	// defaultPort is the kubelet's. In a pod it is free, and it is the one that
	// networks between control plane and nodes let through nearly everywhere.
	defaultPort = 10250
	// defaultWatchTermination is how long a shutdown gives watches to move on.
	defaultWatchTermination = 10 * time.Second
)

// NewOptions returns the defaults.
func NewOptions(api *apiserver.API) (*Options, error) {
	storage, err := NewStorageOptions(api)
	if err != nil {
		return nil, err
	}
	recommended := genericoptions.NewRecommendedOptions("", nil)
	recommended.Etcd = nil
	recommended.SecureServing.BindPort = defaultPort
	recommended.SecureServing.Required = true
	recommended.SecureServing.ServerCert.CertDirectory = "events-apiserver.local/certificates"

	// A registry of our own: the process-wide one keeps what an earlier
	// command line set.
	registry := basecompatibility.NewComponentGlobalsRegistry()
	if err := registry.Register(basecompatibility.DefaultKubeComponent, compatibility.DefaultBuildEffectiveVersion(), utilfeature.DefaultMutableFeatureGate); err != nil {
		return nil, fmt.Errorf("registering the feature gates: %w", err)
	}
	generic := genericoptions.NewServerRunOptionsForComponent(basecompatibility.DefaultKubeComponent, registry)
	// A recorder retries a refusal only when it says after how long, and a
	// connection that is refused not always.
	generic.ShutdownSendRetryAfter = true
	generic.ShutdownWatchTerminationGracePeriod = defaultWatchTermination

	return &Options{
		EventTTL:    defaultEventTTL,
		CertHosts:   DefaultCertHosts(),
		Storage:     storage,
		HostEvents:  newHostEventsOptions(),
		Generic:     generic,
		Recommended: recommended,
		Logging:     logsapi.NewLoggingConfiguration(),
		API:         api,
	}, nil
}

// completedOptions embeds Options whole, so that a field added there cannot be
// forgotten here.
type completedOptions struct {
	Options
	featureGatesErr error
}

// CompletedOptions are Options with their gaps filled. They can be had from
// Complete alone, since the private pointer cannot be set elsewhere.
type CompletedOptions struct {
	*completedOptions
}

// Complete fills what follows from other settings. It touches neither disk nor
// network.
func (o *Options) Complete() CompletedOptions {
	completed := &completedOptions{Options: *o}
	completed.CertHosts = o.certHostsWithBindAddress()
	// Feature gates take effect here, before anything reads one. What is wrong
	// with them is returned by Validate, with everything else.
	completed.featureGatesErr = o.Generic.ComponentGlobalsRegistry.Set()
	return CompletedOptions{completed}
}

// certHostsWithBindAddress covers the one address that the server listens on;
// where it listens on all of them, clients may use any.
func (o *Options) certHostsWithBindAddress() []string {
	address := o.Recommended.SecureServing.BindAddress
	if address == nil || address.IsUnspecified() || slices.Contains(o.CertHosts, address.String()) {
		return o.CertHosts
	}
	return append(slices.Clone(o.CertHosts), address.String())
}

// DefaultCertHosts covers the Service of the manifests in artifacts/ and a
// server on this machine.
func DefaultCertHosts() []string {
	return []string{"events-apiserver.events-apiserver.svc", "localhost", "127.0.0.1"}
}

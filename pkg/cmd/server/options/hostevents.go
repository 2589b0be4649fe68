// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

const (
	// defaultHostTimeout is short enough for clients that wait, and long enough
	// for a busy host.
	defaultHostTimeout = 2 * time.Second
	// defaultHostTTL is kube-apiserver's own default of --event-ttl.
	defaultHostTTL = time.Hour
	// shortestHostTTL is below what any cluster has; the slack in the rule for
	// expiry would be too small for clocks.
	shortestHostTTL = 10 * time.Second
	// defaultLease is where the manifests allow it.
	defaultLease = "events-apiserver/host-events"
)

// HostEventsOptions join our events with the core/v1 events of the host cluster.
type HostEventsOptions struct {
	// Mode is how.
	Mode string
	// Timeout is how long a write waits for the host cluster.
	Timeout time.Duration
	// TTL is how long the host cluster keeps an event.
	TTL time.Duration
	// Lease is the Lease by which the replica that ingests is elected, as
	// namespace/name.
	Lease string

	// flags are the ones that fill this; nil where no flags are used.
	flags *pflag.FlagSet
}

func newHostEventsOptions() *HostEventsOptions {
	return &HostEventsOptions{
		Mode:    string(hostevents.ModeSync),
		Timeout: defaultHostTimeout,
		TTL:     defaultHostTTL,
		Lease:   defaultLease,
	}
}

func (o *HostEventsOptions) addFlags(flags *pflag.FlagSet) {
	o.flags = flags
	flags.StringVar(&o.Mode, "host-events", o.Mode, ""+
		"How these events and the core/v1 events of the host cluster are kept one set. "+
		string(hostevents.ModeSync)+": events that are written there are ingested, and a write here is made there before it is answered. "+
		string(hostevents.ModeAsync)+": it is made there soon after. "+
		string(hostevents.ModeIngest)+": events are ingested, and none are made there. "+
		string(hostevents.ModeOff)+": neither. Without a cluster (--standalone) it is always off.")
	flags.DurationVar(&o.Timeout, "host-events-timeout", o.Timeout, ""+
		"How long a write waits for the host cluster before it is answered all the same and made there later. At least 10ms.")
	flags.DurationVar(&o.TTL, "host-events-ttl", o.TTL, ""+
		"For how long the host cluster keeps events: the --event-ttl of its kube-apiserver. An event that is gone there sooner was deleted "+
		"and is deleted here, one that is gone later has expired there and is kept. At least 10s.")
	flags.StringVar(&o.Lease, "host-events-lease", o.Lease, ""+
		"The Lease in the host cluster, as namespace/name, by which one of several replicas is elected to ingest.")
}

func (o *HostEventsOptions) validate(standalone bool) []error {
	var errs []error
	if _, err := hostevents.ParseMode(o.Mode); err != nil {
		errs = append(errs, fmt.Errorf("--host-events: %w", err))
	}
	if standalone && o.Mode != string(hostevents.ModeOff) && o.given("host-events") {
		errs = append(errs, fmt.Errorf("--host-events=%s cannot be used with --standalone, which serves without a cluster", o.Mode))
	}
	if o.Timeout < 10*time.Millisecond {
		errs = append(errs, fmt.Errorf("--host-events-timeout: %s is too short; want at least 10ms", o.Timeout))
	}
	if o.TTL < shortestHostTTL {
		errs = append(errs, fmt.Errorf("--host-events-ttl: %s is too short; want at least %s", o.TTL, shortestHostTTL))
	}
	namespace, name, _ := strings.Cut(o.Lease, "/")
	if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		errs = append(errs, fmt.Errorf("--host-events-lease: %q: want namespace/name, like %s", o.Lease, defaultLease))
	}
	return errs
}

func (o *HostEventsOptions) given(flag string) bool { return o.flags != nil && o.flags.Changed(flag) }

// Config returns the configuration of the bridge, nil where nothing is to be joined.
func (o *HostEventsOptions) Config(standalone bool) *apiserver.HostEventsConfig {
	mode := hostevents.Mode(o.Mode)
	if standalone || mode == hostevents.ModeOff {
		return nil
	}
	namespace, name, _ := strings.Cut(o.Lease, "/")
	return &apiserver.HostEventsConfig{
		Mode:           mode,
		Timeout:        o.Timeout,
		TTL:            o.TTL,
		LeaseNamespace: namespace,
		LeaseName:      name,
	}
}

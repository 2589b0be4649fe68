// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	restclient "k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	eventsv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
)

const serverName = "events-apiserver"

// Config is everything that New needs.
type Config struct {
	// Generic is the configuration of the generic server. Its
	// RESTOptionsGetter decides which store the events live in.
	Generic *genericapiserver.RecommendedConfig
	// API is the scheme that Generic was made with.
	API *API
	// Store is what the RESTOptionsGetter uses, to be closed after the server has
	// ended.
	Store io.Closer
	// EventTTL is how long an event is kept after its last write, at least one
	// second.
	EventTTL time.Duration
	// Metrics is where metrics of the server are registered; nil is a registry of its
	// own.
	Metrics *metrics.Registry
	// HostEvents joins the events with those of the host cluster; nil does not.
	HostEvents *HostEventsConfig
}

type completedConfig struct {
	generic    genericapiserver.CompletedConfig
	api        *API
	eventTTL   time.Duration
	hostEvents *HostEventsConfig
	client     *restclient.Config
	metrics    *metrics.Registry
}

// CompletedConfig is a Config whose gaps are filled. It can be had from
// Complete alone, since the private pointer cannot be set elsewhere.
type CompletedConfig struct {
	*completedConfig
}

// Complete checks that nothing is missing and fills what has a default.
func (c *Config) Complete() (CompletedConfig, error) {
	switch {
	case c.Generic == nil:
		return CompletedConfig{}, errors.New("apiserver.Config.Generic is not set")
	case c.API == nil:
		return CompletedConfig{}, errors.New("apiserver.Config.API is not set")
	case c.HostEvents != nil && c.Generic.ClientConfig == nil:
		return CompletedConfig{}, errors.New("apiserver.Config.Generic.ClientConfig is not set: there is no host cluster whose events could be joined")
	case c.Generic.RESTOptionsGetter == nil:
		return CompletedConfig{}, errors.New("apiserver.Config.Generic.RESTOptionsGetter is not set: there is no store")
	}
	c.serveMetrics()
	c.waitForFrontProxy()
	c.Generic.EquivalentResourceRegistry = equivalentEvents()
	return CompletedConfig{&completedConfig{
		generic:    c.Generic.Complete(),
		api:        c.API,
		eventTTL:   c.EventTTL,
		hostEvents: c.HostEvents,
		client:     c.Generic.ClientConfig,
		metrics:    c.Metrics,
	}}, nil
}

// serveMetrics lets /metrics of the server have those of the registry, too.
func (c *Config) serveMetrics() {
	if c.Metrics == nil {
		c.Metrics = metrics.NewRegistry()
	}
	if !c.Generic.EnableMetrics {
		return
	}
	buildChain := c.Generic.BuildHandlerChainFunc
	c.Generic.BuildHandlerChainFunc = func(handler http.Handler, config *genericapiserver.Config) http.Handler {
		return buildChain(c.Metrics.Handler(handler), config)
	}
}

// waitForFrontProxy has an effect beside a cluster only: standalone there is no
// front proxy.
func (c *Config) waitForFrontProxy() {
	requestHeader := c.Generic.Authentication.RequestHeaderConfig
	if requestHeader == nil {
		return
	}
	proxy := &frontProxy{verifyOptions: requestHeader.CAContentProvider.VerifyOptions}
	c.Generic.AddReadyzChecks(proxy.readyzCheck())
	buildChain := c.Generic.BuildHandlerChainFunc
	c.Generic.BuildHandlerChainFunc = func(handler http.Handler, config *genericapiserver.Config) http.Handler {
		return proxy.hold(buildChain(handler, config))
	}
}

// New builds the server. It starts nothing; what runs does so in post-start
// hooks and ends with the server's context.
func (c CompletedConfig) New() (*genericapiserver.GenericAPIServer, error) {
	server, err := c.generic.New(serverName, genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("building the generic server: %w", err)
	}
	if err := c.installEvents(server); err != nil {
		return nil, err
	}
	return server, nil
}

func (c CompletedConfig) installEvents(server *genericapiserver.GenericAPIServer) error {
	storage, err := c.eventStorage(server)
	if err != nil {
		return err
	}
	group := genericapiserver.NewDefaultAPIGroupInfo(events.GroupName, c.api.Scheme, c.api.ParameterCodec, c.api.Codecs)
	// The scheme knows another version, which is not served.
	group.PrioritizedVersions = []schema.GroupVersion{eventsv1.SchemeGroupVersion()}
	group.VersionedResourcesStorageMap[eventsv1.SchemeGroupVersion().Version] = map[string]rest.Storage{"events": storage}
	if err := server.InstallAPIGroup(&group); err != nil {
		return fmt.Errorf("installing %s: %w", events.GroupName, err)
	}
	// Not ready before the watch cache is filled: until then lists and watches
	// get 429. The generic server knows how to wait but leaves it to each server
	// to do so.
	if err := server.AddPostStartHook("storage-readiness", server.StorageReadinessHook.Hook); err != nil {
		return fmt.Errorf("waiting for the store: %w", err)
	}
	return nil
}

// eventStorage is the storage of events, joined with those of the host cluster if
// that is wanted.
func (c CompletedConfig) eventStorage(server *genericapiserver.GenericAPIServer) (*event.REST, error) {
	getter := generic.RESTOptionsGetter(storedFormGetter{c.generic.RESTOptionsGetter})
	if c.hostEvents == nil {
		return event.NewREST(c.api.Scheme, getter, c.eventTTL)
	}
	return c.bridgedStorage(server, getter)
}

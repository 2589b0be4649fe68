// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
)

// ServeMetrics lets /metrics of the server tell about the store, too. Each
// server has its own figures, where all servers of a process share the generic
// ones.
func (s *EmbeddedStore) ServeMetrics(config *genericapiserver.Config) {
	if !config.EnableMetrics {
		return
	}
	buildChain := config.BuildHandlerChainFunc
	config.BuildHandlerChainFunc = func(handler http.Handler, config *genericapiserver.Config) http.Handler {
		return buildChain(s.metrics.Over(handler), config)
	}
}

// embeddedFigures are what a scrape asks the store for.
type embeddedFigures struct{ store *EmbeddedStore }

var _ metrics.Source = embeddedFigures{}

// Stats implements metrics.Source.
func (f embeddedFigures) Stats() engine.Stats { return f.store.engine.Stats() }

// Indexes implements metrics.Source.
func (f embeddedFigures) Indexes() []string {
	var names []string
	for _, field := range event.IndexedFields() {
		names = append(names, field.Label)
	}
	return names
}

// IndexReady implements metrics.Source. The engine may know the index of a field
// by another name.
func (f embeddedFigures) IndexReady(field string) bool {
	return f.store.engine.IndexReady(f.store.storageConfig(nil, schema.GroupResource{}).EngineIndex(field))
}

// OldestWrite implements metrics.Source.
func (f embeddedFigures) OldestWrite(ctx context.Context) (time.Time, error) {
	return f.store.storageConfig(nil, schema.GroupResource{}).OldestWrite(ctx)
}

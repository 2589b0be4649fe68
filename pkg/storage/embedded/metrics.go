// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
)

// figures are what a scrape asks the store for.
type figures struct{ store *Store }

var _ metrics.Source = figures{}

// Stats implements metrics.Source.
func (f figures) Stats() engine.Stats { return f.store.engine.Stats() }

// Indexes implements metrics.Source.
func (f figures) Indexes() []string {
	var names []string
	for _, index := range f.store.content.Objects.Indexes {
		names = append(names, index.Field)
	}
	return names
}

// IndexReady implements metrics.Source. The engine may know the index of a field
// by another name.
func (f figures) IndexReady(field string) bool {
	return f.store.engine.IndexReady(f.store.storageConfig(f.store.content.Objects).EngineIndex(field))
}

// OldestWrite implements metrics.Source.
func (f figures) OldestWrite(ctx context.Context) (time.Time, error) {
	return f.store.storageConfig(f.store.content.Objects).OldestWrite(ctx)
}

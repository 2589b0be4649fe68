// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// REST serves events over a generic store.
type REST struct {
	*genericregistry.Store

	revisions revisions
}

var (
	_ rest.StandardStorage    = (*REST)(nil)
	_ rest.ShortNamesProvider = (*REST)(nil)
)

// NewREST returns the REST storage of events in the store of getter. An event expires when
// ttl has passed since its last write. A ttl is rounded down to seconds; one below a second
// is an error.
func NewREST(typer runtime.ObjectTyper, getter generic.RESTOptionsGetter, ttl time.Duration) (*REST, error) {
	if ttl < time.Second {
		return nil, fmt.Errorf("creating the storage of events: a time to live of %s is below one second", ttl)
	}
	strategy := newStrategy(typer)
	seconds := uint64(ttl / time.Second)
	store := &genericregistry.Store{
		NewFunc:       func() runtime.Object { return &events.Event{} },
		NewListFunc:   func() runtime.Object { return &events.EventList{} },
		PredicateFunc: matcher,
		// Each write restarts the time to live, so an event that still repeats does not
		// expire.
		TTLFunc: func(runtime.Object, uint64, bool) (uint64, error) { return seconds, nil },

		DefaultQualifiedResource:  events.Resource("events"),
		SingularQualifiedResource: events.Resource("event"),

		CreateStrategy: strategy,
		UpdateStrategy: strategy,
		DeleteStrategy: strategy,

		TableConvertor: newTableConvertor(time.Now),
	}
	if err := store.CompleteWithOptions(storeOptions(getter)); err != nil {
		return nil, fmt.Errorf("creating the storage of events: %w", err)
	}
	return &REST{Store: store}, nil
}

// ShortNames returns the names that kubectl accepts instead of "events".
func (*REST) ShortNames() []string { return []string{"ev"} }

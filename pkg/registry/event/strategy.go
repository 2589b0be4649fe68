// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/operation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/validation"
)

var (
	_ rest.RESTCreateStrategy              = strategy{}
	_ rest.RESTUpdateStrategy              = strategy{}
	_ rest.RESTDeleteStrategy              = strategy{}
	_ rest.DeclarativeValidationStrategy   = strategy{}
	_ rest.GarbageCollectionDeleteStrategy = strategy{}
)

// kinds returns the kinds of events for validation errors, which have no group: the
// built-in's internal type of events is that of core.
type kinds struct {
	runtime.ObjectTyper
}

// ObjectKinds returns the kinds of obj without their group.
func (k kinds) ObjectKinds(obj runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	known, unversioned, err := k.ObjectTyper.ObjectKinds(obj)
	if err != nil {
		return nil, false, fmt.Errorf("naming the kind of %T: %w", obj, err)
	}
	named := make([]schema.GroupVersionKind, 0, len(known))
	for _, kind := range known {
		named = append(named, schema.GroupVersionKind{Version: kind.Version, Kind: kind.Kind})
	}
	return named, unversioned, nil
}

// strategy is the create, update and delete strategy of events.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

func newStrategy(typer runtime.ObjectTyper) strategy {
	return strategy{ObjectTyper: kinds{typer}, NameGenerator: names.SimpleNameGenerator}
}

// NamespaceScoped is true: an event is in the namespace of the object that it is about.
func (strategy) NamespaceScoped() bool { return true }

// DefaultGarbageCollectionPolicy is Unsupported, as in the built-in: events have no
// dependents and are too short-lived for the garbage collector.
func (strategy) DefaultGarbageCollectionPolicy(context.Context) rest.GarbageCollectionPolicy {
	return rest.Unsupported
}

// PrepareForCreate does nothing: a client cannot set Host, which is in no version.
func (strategy) PrepareForCreate(context.Context, runtime.Object) {}

// PrepareForUpdate keeps Host of the stored event. The client's event was decoded from a
// version, which has no such field.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	event, ok := obj.(*events.Event)
	oldEvent, oldOK := old.(*events.Event)
	if ok && oldOK {
		event.Host = oldEvent.Host
	}
}

// Validate applies the strict rules of events.k8s.io/v1 for new events.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	event, ok := obj.(*events.Event)
	if !ok {
		return notAnEvent(obj)
	}
	return validation.ValidateEventCreate(event)
}

// ValidateUpdate allows changes of the series and the metadata of an event only.
func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	event, ok := obj.(*events.Event)
	if !ok {
		return notAnEvent(obj)
	}
	oldEvent, ok := old.(*events.Event)
	if !ok {
		return notAnEvent(old)
	}
	return validation.ValidateEventUpdate(event, oldEvent)
}

// ValidateDeclaratively removes duplicates from the errors of all validation before it. The
// built-in enforces no declarative rule for events, but its declarative validation removes
// duplicates, such as those of metadata on updates, and clients can see the number of causes.
func (strategy) ValidateDeclaratively(_ context.Context, _, _ runtime.Object, errs field.ErrorList, _ operation.Type, _ rest.DeclarativeValidationConfig) field.ErrorList {
	seen := sets.New[string]()
	return slices.DeleteFunc(errs, func(err *field.Error) bool {
		text := err.Error()
		defer seen.Insert(text)
		return seen.Has(text)
	})
}

// DeclarativeValidationConfig returns no options.
func (strategy) DeclarativeValidationConfig(context.Context, runtime.Object, runtime.Object) rest.DeclarativeValidationConfig {
	return rest.DeclarativeValidationConfig{}
}

// AllowCreateOnUpdate is true: a PUT of an event that does not exist creates it.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return true }

// AllowUnconditionalUpdate is true: an update without a resourceVersion overwrites the
// event.
func (strategy) AllowUnconditionalUpdate(context.Context) bool { return true }

// Canonicalize does nothing.
func (strategy) Canonicalize(runtime.Object) {}

// WarningsOnCreate returns none.
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate returns none.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func notAnEvent(obj runtime.Object) field.ErrorList {
	return field.ErrorList{field.InternalError(nil, errNotAnEvent(obj))}
}

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

// kinds names events in validation errors as the built-in does: it keeps them as
// core/v1 inside, and so its errors about invalid events have no group.
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

// strategy decides on creation, update and deletion of events.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

func newStrategy(typer runtime.ObjectTyper) strategy {
	return strategy{ObjectTyper: kinds{typer}, NameGenerator: names.SimpleNameGenerator}
}

// NamespaceScoped is true: an event lives beside the object it is about.
func (strategy) NamespaceScoped() bool { return true }

// DefaultGarbageCollectionPolicy keeps the garbage collector away. Events come
// and go too fast for it and nothing depends on them, as in the built-in.
func (strategy) DefaultGarbageCollectionPolicy(context.Context) rest.GarbageCollectionPolicy {
	return rest.Unsupported
}

// PrepareForCreate changes nothing: no version has the field that the server owns.
func (strategy) PrepareForCreate(context.Context, runtime.Object) {}

// PrepareForUpdate keeps what is known about the event in the host cluster: the
// client's event has passed through a version, which has no place for it.
func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	event, ok := obj.(*events.Event)
	oldEvent, oldOK := old.(*events.Event)
	if ok && oldOK {
		event.Host = oldEvent.Host
	}
}

// Validate holds a new event to the strict rules of events.k8s.io/v1.
func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	event, ok := obj.(*events.Event)
	if !ok {
		return notAnEvent(obj)
	}
	return validation.ValidateEventCreate(event)
}

// ValidateUpdate lets only the series and the metadata of an event change.
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

// ValidateDeclaratively sees the errors of all validation last. The built-in has
// no declared rule for events that is in force, but the machinery for them drops
// errors that stand there twice, as those about metadata do on updates; clients
// that count causes get the same number here.
func (strategy) ValidateDeclaratively(_ context.Context, _, _ runtime.Object, errs field.ErrorList, _ operation.Type, _ rest.DeclarativeValidationConfig) field.ErrorList {
	seen := sets.New[string]()
	return slices.DeleteFunc(errs, func(err *field.Error) bool {
		text := err.Error()
		defer seen.Insert(text)
		return seen.Has(text)
	})
}

// DeclarativeValidationConfig has nothing to configure.
func (strategy) DeclarativeValidationConfig(context.Context, runtime.Object, runtime.Object) rest.DeclarativeValidationConfig {
	return rest.DeclarativeValidationConfig{}
}

// AllowCreateOnUpdate is true: a PUT to a name that is not there creates it.
func (strategy) AllowCreateOnUpdate(context.Context) bool { return true }

// AllowUnconditionalUpdate is true: an update without a resourceVersion wins.
func (strategy) AllowUnconditionalUpdate(context.Context) bool { return true }

// Canonicalize changes nothing.
func (strategy) Canonicalize(runtime.Object) {}

// WarningsOnCreate has none to give.
func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

// WarningsOnUpdate has none to give.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func notAnEvent(obj runtime.Object) field.ErrorList {
	return field.ErrorList{field.InternalError(nil, errNotAnEvent(obj))}
}

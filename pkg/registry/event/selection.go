// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/tools/cache"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// IndexedField is a field with an index, so that a list by one of its values reads only
// the events with that value.
type IndexedField struct {
	// Label is the name of the field in field selectors.
	Label string
	// LowCardinality is whether a cluster has few different values of the field: some
	// hundred combinations with the values of all other such fields.
	LowCardinality bool
	value          func(*events.Event) string
}

// Value returns the value of the field, empty for objects that are no events.
func (f IndexedField) Value(obj runtime.Object) string {
	event, ok := obj.(*events.Event)
	if !ok {
		return ""
	}
	return f.value(event)
}

// IndexedFields returns the indexed fields, the most selective first: a store uses the
// index of the first one that a selector pins and filters by the others.
func IndexedFields() []IndexedField {
	return []IndexedField{
		{"regarding.uid", false, regardingUID},
		{"regarding.name", false, func(e *events.Event) string { return e.Regarding.Name }},
		{"reason", true, func(e *events.Event) string { return e.Reason }},
		{"reportingController", true, func(e *events.Event) string { return e.ReportingController }},
		{"regarding.kind", true, func(e *events.Event) string { return e.Regarding.Kind }},
		{"type", true, func(e *events.Event) string { return e.Type }},
	}
}

func regardingUID(event *events.Event) string { return string(event.Regarding.UID) }

// getAttrs returns what label and field selectors match against.
func getAttrs(obj runtime.Object) (labels.Set, fields.Set, error) {
	event, ok := obj.(*events.Event)
	if !ok {
		return nil, nil, errNotAnEvent(obj)
	}
	return labels.Set(event.Labels), selectableFields(event), nil
}

// selectableFields has a value for each label that package v1 accepts; a label without one
// would match nothing.
func selectableFields(event *events.Event) fields.Set {
	related := event.Related
	if related == nil {
		related = &corev1.ObjectReference{}
	}
	return fields.Set{
		"action":                    event.Action,
		"metadata.name":             event.Name,
		"metadata.namespace":        event.Namespace,
		"reason":                    event.Reason,
		"regarding.apiVersion":      event.Regarding.APIVersion,
		"regarding.fieldPath":       event.Regarding.FieldPath,
		"regarding.kind":            event.Regarding.Kind,
		"regarding.name":            event.Regarding.Name,
		"regarding.namespace":       event.Regarding.Namespace,
		"regarding.resourceVersion": event.Regarding.ResourceVersion,
		"regarding.uid":             string(event.Regarding.UID),
		"related.kind":              related.Kind,
		"related.name":              related.Name,
		"related.namespace":         related.Namespace,
		"related.uid":               string(related.UID),
		"reportingController":       event.ReportingController,
		"reportingInstance":         event.ReportingInstance,
		"type":                      event.Type,
	}
}

// matcher returns the predicate of a list or watch, with the names of the indexed fields.
func matcher(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	return storage.SelectionPredicate{
		Label:       label,
		Field:       field,
		GetAttrs:    getAttrs,
		IndexFields: indexFields(),
	}
}

func indexFields() []string {
	indexed := IndexedFields()
	labels := make([]string, 0, len(indexed))
	for _, f := range indexed {
		labels = append(labels, f.Label)
	}
	return labels
}

// indexers returns the watch cache's indexes, one for each indexed field.
func indexers() *cache.Indexers {
	result := cache.Indexers{}
	for _, f := range IndexedFields() {
		result[storage.FieldIndex(f.Label)] = indexBy(f.value)
	}
	return &result
}

func indexBy(value func(*events.Event) string) cache.IndexFunc {
	return func(obj any) ([]string, error) {
		event, ok := obj.(*events.Event)
		if !ok {
			return nil, errNotAnEvent(obj)
		}
		return []string{value(event)}, nil
	}
}

// triggers makes the watch cache dispatch an event only to the watchers of the object that
// it is about. The cache supports one such field. Of the indexed ones, regarding.uid is
// pinned by the most watchers, and to different values.
func triggers() storage.IndexerFuncs {
	return storage.IndexerFuncs{
		"regarding.uid": func(obj runtime.Object) string {
			event, ok := obj.(*events.Event)
			if !ok {
				return ""
			}
			return regardingUID(event)
		},
	}
}

func errNotAnEvent(obj any) error { return fmt.Errorf("not an event: %T", obj) }

// storeOptions returns the options of the generic store: how events are selected.
func storeOptions(getter generic.RESTOptionsGetter) *generic.StoreOptions {
	return &generic.StoreOptions{
		RESTOptions: getter,
		AttrFunc:    getAttrs,
		TriggerFunc: triggers(),
		Indexers:    indexers(),
	}
}

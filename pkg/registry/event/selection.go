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

// IndexedField is a field whose exact match is answered from an index, so that
// a list costs its matches and not the collection.
type IndexedField struct {
	// Label is its name in field selectors.
	Label string
	// Few says that a cluster has few different values of it: some hundred
	// combinations with the others that say so.
	Few   bool
	value func(*events.Event) string
}

// Value returns what an event has in the field, and nothing for other objects.
func (f IndexedField) Value(obj runtime.Object) string {
	event, ok := obj.(*events.Event)
	if !ok {
		return ""
	}
	return f.value(event)
}

// IndexedFields lists the most selective field first: the stores take the first
// one that a selector pins and filter the rest.
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

// selectableFields holds a value for every label that package v1 accepts; a
// label without a value here would match nothing.
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

// matcher builds the predicate of a list or watch and tells the store which of
// its fields are indexed.
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

// indexers gives the watch cache its indexes over the indexed fields.
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

// triggers lets the watch cache offer an event only to the watchers of the
// object it is about. The cache supports one such field; an object's uid is
// the one that many watchers pin, each to a value of its own.
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

// storeOptions gathers what the generic store needs to know about selection.
func storeOptions(getter generic.RESTOptionsGetter) *generic.StoreOptions {
	return &generic.StoreOptions{
		RESTOptions: getter,
		AttrFunc:    getAttrs,
		TriggerFunc: triggers(),
		Indexers:    indexers(),
	}
}

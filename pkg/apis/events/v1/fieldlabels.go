// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"fmt"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
)

// SelectableFields returns the field labels that selectors on events may use. The hub type
// has the same names, so they are not converted.
func SelectableFields() sets.Set[string] {
	return builtInFields().Union(additionalFields())
}

// builtInFields are the labels of the built-in events.k8s.io/v1.
func builtInFields() sets.Set[string] {
	return sets.New(
		"metadata.name",
		"metadata.namespace",
		"reason",
		"regarding.apiVersion",
		"regarding.fieldPath",
		"regarding.kind",
		"regarding.name",
		"regarding.namespace",
		"regarding.resourceVersion",
		"regarding.uid",
		"reportingController",
		"type",
	)
}

// additionalFields are labels that the built-in rejects: the other fields about the
// reporter, the action and the objects.
func additionalFields() sets.Set[string] {
	return sets.New(
		"action",
		"related.kind",
		"related.name",
		"related.namespace",
		"related.uid",
		"reportingInstance",
	)
}

// addFieldLabelConversions makes the scheme accept SelectableFields and reject all other
// labels with the message of the built-in.
func addFieldLabelConversions(scheme *runtime.Scheme) error {
	selectable := SelectableFields()
	kind := SchemeGroupVersion().WithKind("Event")
	convert := func(label, value string) (string, string, error) {
		if !selectable.Has(label) {
			return "", "", fmt.Errorf("field label not supported: %s", label)
		}
		return label, value, nil
	}
	if err := scheme.AddFieldLabelConversionFunc(kind, convert); err != nil {
		return fmt.Errorf("registering the field labels of %s: %w", eventsv1.GroupName, err)
	}
	return nil
}

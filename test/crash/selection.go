// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// selection is the selector of a list or watch. Empty parts select everything.
type selection struct {
	namespace string
	// field is one of indexedFields.
	field, value string
	phase        string
}

func (s selection) matches(a *attributes) bool {
	if s.namespace != "" && s.namespace != a.namespace || s.phase != "" && s.phase != a.phase {
		return false
	}
	for i, field := range indexedFields() {
		if field == s.field {
			return a.fields[i] == s.value
		}
	}
	return true
}

// options puts the selection into the options of a request.
func (s selection) options() metav1.ListOptions {
	var options metav1.ListOptions
	if s.field != "" {
		options.FieldSelector = fields.OneTermEqualSelector(s.field, s.value).String()
	}
	if s.phase != "" {
		options.LabelSelector = phaseLabel + "=" + s.phase
	}
	return options
}

// String describes the selection.
func (s selection) String() string {
	var parts []string
	if s.namespace != "" {
		parts = append(parts, "namespace "+s.namespace)
	}
	if s.field != "" {
		parts = append(parts, s.field+"="+s.value)
	}
	if s.phase != "" {
		parts = append(parts, phaseLabel+"="+s.phase)
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

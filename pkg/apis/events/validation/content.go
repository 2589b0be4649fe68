// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Limits on the length of text fields in bytes of UTF-8. The messages of the built-in are
// about characters, but it counts bytes.
const (
	MaxReportingInstanceBytes = 128
	MaxActionBytes            = 128
	MaxReasonBytes            = 128
	MaxNoteBytes              = 1024
)

// validateContent checks what must hold on create and on update.
//
// Of an event without an eventTime, as core/v1 has them, only the namespace is checked.
func validateContent(event *events.Event) field.ErrorList {
	if event.EventTime.IsZero() {
		return validateOlderNamespace(event)
	}
	errs := validateNamespace(event)

	controller := field.NewPath("reportingController")
	if event.ReportingController == "" {
		errs = append(errs, field.Required(controller, ""))
	}
	// An empty name has two errors, required and not qualified, as in the built-in.
	for _, message := range utilvalidation.IsQualifiedName(event.ReportingController) {
		errs = append(errs, field.Invalid(controller, event.ReportingController, message))
	}

	errs = append(errs, validateText("reportingInstance", event.ReportingInstance, MaxReportingInstanceBytes)...)
	errs = append(errs, validateText("action", event.Action, MaxActionBytes)...)
	errs = append(errs, validateText("reason", event.Reason, MaxReasonBytes)...)
	return append(errs, validateLength("note", event.Note, MaxNoteBytes)...)
}

func validateText(name, value string, limit int) field.ErrorList {
	if value == "" {
		return field.ErrorList{field.Required(field.NewPath(name), "")}
	}
	return validateLength(name, value, limit)
}

func validateLength(name, value string, limit int) field.ErrorList {
	if len(value) <= limit {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath(name), "", fmt.Sprintf("can have at most %v characters", limit))}
}

// validateNamespace allows an event about a cluster-scoped object only in the namespaces
// that recorders use for such events.
func validateNamespace(event *events.Event) field.ErrorList {
	if event.Regarding.Namespace != "" || event.Namespace == metav1.NamespaceDefault || event.Namespace == metav1.NamespaceSystem {
		return nil
	}
	return namespaceMismatch(event)
}

// validateOlderNamespace requires an event without an eventTime to be in the namespace of
// its object, or in "default" if the object has none.
func validateOlderNamespace(event *events.Event) field.ErrorList {
	switch {
	case event.Namespace == event.Regarding.Namespace:
		return nil
	case event.Regarding.Namespace == "" && event.Namespace == metav1.NamespaceDefault:
		return nil
	}
	return namespaceMismatch(event)
}

func namespaceMismatch(event *events.Event) field.ErrorList {
	return field.ErrorList{field.Invalid(field.NewPath("regarding", "namespace"), event.Regarding.Namespace, "does not match event.namespace")}
}

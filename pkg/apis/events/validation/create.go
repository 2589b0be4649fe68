// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

const needsToBeUnset = "needs to be unset"

// ValidateEventCreate validates an event that a client creates. It returns all errors.
func ValidateEventCreate(event *events.Event) field.ErrorList {
	errs := validateContent(event)
	errs = append(errs, validateObjectMeta(&event.ObjectMeta, field.NewPath("metadata"))...)
	errs = append(errs, validateSeries(event.Series)...)
	if event.EventTime.IsZero() {
		errs = append(errs, field.Required(field.NewPath("eventTime"), ""))
	}
	if event.Type != events.TypeNormal && event.Type != events.TypeWarning {
		errs = append(errs, field.Invalid(field.NewPath("type"), "", fmt.Sprintf("has invalid value: %v", event.Type)))
	}
	return append(errs, validateDeprecatedUnset(event)...)
}

// validateSeries checks a series that the client sets or changes.
func validateSeries(series *events.EventSeries) field.ErrorList {
	if series == nil {
		return nil
	}
	var errs field.ErrorList
	if series.Count < 2 {
		errs = append(errs, field.Invalid(field.NewPath("series", "count"), "", "should be at least 2"))
	}
	if series.LastObservedTime.IsZero() {
		errs = append(errs, field.Required(field.NewPath("series", "lastObservedTime"), ""))
	}
	return errs
}

// validateDeprecatedUnset rejects the fields that only events of core/v1 may have.
func validateDeprecatedUnset(event *events.Event) field.ErrorList {
	var errs field.ErrorList
	if !event.DeprecatedFirstTimestamp.IsZero() {
		errs = append(errs, field.Invalid(field.NewPath("deprecatedFirstTimestamp"), "", needsToBeUnset))
	}
	if !event.DeprecatedLastTimestamp.IsZero() {
		errs = append(errs, field.Invalid(field.NewPath("deprecatedLastTimestamp"), "", needsToBeUnset))
	}
	if event.DeprecatedCount != 0 {
		errs = append(errs, field.Invalid(field.NewPath("deprecatedCount"), "", needsToBeUnset))
	}
	if event.DeprecatedSource.Component != "" || event.DeprecatedSource.Host != "" {
		errs = append(errs, field.Invalid(field.NewPath("deprecatedSource"), "", needsToBeUnset))
	}
	return errs
}

// nameIsValid is the rule for names of events: a DNS-1123 subdomain.
func nameIsValid(name string, prefix bool) []string {
	return apimachineryvalidation.NameIsDNSSubdomain(name, prefix)
}

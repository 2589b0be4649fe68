// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// ValidateEventUpdate validates an update of old to updated. Only the series and the
// metadata may change. It returns all errors.
func ValidateEventUpdate(updated, old *events.Event) field.ErrorList {
	errs := validateContent(updated)
	errs = append(errs, validateObjectMetaUpdate(&updated.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))...)
	if !equality.Semantic.DeepEqual(updated.Series, old.Series) {
		errs = append(errs, validateSeries(updated.Series)...)
	}
	return append(errs, validateImmutable(updated, old)...)
}

// validateImmutable returns an error for each immutable field that changed, in the order of
// the built-in.
func validateImmutable(updated, old *events.Event) field.ErrorList {
	var errs field.ErrorList
	check := func(name string, updatedValue, oldValue any) {
		errs = append(errs, apimachineryvalidation.ValidateImmutableField(updatedValue, oldValue, field.NewPath(name))...)
	}
	check("regarding", updated.Regarding, old.Regarding)
	check("reason", updated.Reason, old.Reason)
	check("note", updated.Note, old.Note)
	check("deprecatedSource", updated.DeprecatedSource, old.DeprecatedSource)
	check("deprecatedFirstTimestamp", updated.DeprecatedFirstTimestamp, old.DeprecatedFirstTimestamp)
	check("deprecatedLastTimestamp", updated.DeprecatedLastTimestamp, old.DeprecatedLastTimestamp)
	check("deprecatedCount", updated.DeprecatedCount, old.DeprecatedCount)
	check("type", updated.Type, old.Type)
	if !sameMicrosecond(updated.EventTime, old.EventTime) {
		check("eventTime", updated.EventTime, old.EventTime)
	}
	check("action", updated.Action, old.Action)
	check("related", updated.Related, old.Related)
	check("reportingController", updated.ReportingController, old.ReportingController)
	check("reportingInstance", updated.ReportingInstance, old.ReportingInstance)
	return errs
}

// sameMicrosecond reports whether the times are equal at the precision of MicroTime. A
// client that writes protobuf may have stored nanoseconds, and one that reads JSON sends
// them back truncated (kubernetes/kubernetes issue 111928).
func sameMicrosecond(a, b metav1.MicroTime) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

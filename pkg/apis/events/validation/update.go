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

// ValidateEventUpdate returns everything that is wrong with changing old into
// updated. Only the series and the metadata may change.
func ValidateEventUpdate(updated, old *events.Event) field.ErrorList {
	errs := validateContent(updated)
	errs = append(errs, validateObjectMetaUpdate(&updated.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))...)
	if !equality.Semantic.DeepEqual(updated.Series, old.Series) {
		errs = append(errs, validateSeries(updated.Series)...)
	}
	return append(errs, validateImmutable(updated, old)...)
}

// validateImmutable names each field that changed though it must not, in the
// built-in's order.
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

// sameMicrosecond tolerates a change below the precision of MicroTime: a client
// that writes protobuf may have stored nanoseconds, and one that reads JSON
// sends them back cut off (kubernetes/kubernetes issue 111928).
func sameMicrosecond(a, b metav1.MicroTime) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

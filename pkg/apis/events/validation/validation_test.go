// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

func validEvent() *events.Event {
	return &events.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: "pod.17", Namespace: "team", ResourceVersion: "1"},
		EventTime:           metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)),
		ReportingController: "example.com/controller",
		ReportingInstance:   "controller-1",
		Action:              "Start",
		Reason:              "Started",
		Type:                events.TypeNormal,
		Note:                "it runs",
		Regarding:           corev1.ObjectReference{Kind: "Pod", Namespace: "team", Name: "pod"},
	}
}

// brief returns the errors as "type field", the parts that clients act on.
func brief(errs field.ErrorList) []string {
	var lines []string
	for _, err := range errs {
		lines = append(lines, string(err.Type)+" "+err.Field)
	}
	return lines
}

func repeat(n int) string { return strings.Repeat("x", n) }

const (
	invalid  = string(field.ErrorTypeInvalid) + " "
	required = string(field.ErrorTypeRequired) + " "
)

func TestValidateEventCreate(t *testing.T) {
	t.Parallel()
	now := metav1.Now()
	tests := map[string]struct {
		change func(*events.Event)
		want   []string
	}{
		"valid":                               {func(*events.Event) {}, nil},
		"warning":                             {func(e *events.Event) { e.Type = events.TypeWarning }, nil},
		"no type":                             {func(e *events.Event) { e.Type = "" }, []string{invalid + "type"}},
		"unknown type":                        {func(e *events.Event) { e.Type = "Error" }, []string{invalid + "type"}},
		"no controller":                       {func(e *events.Event) { e.ReportingController = "" }, []string{required + "reportingController", invalid + "reportingController", invalid + "reportingController"}},
		"unqualified controller":              {func(e *events.Event) { e.ReportingController = "a b" }, []string{invalid + "reportingController"}},
		"controller without a domain":         {func(e *events.Event) { e.ReportingController = "kubelet" }, nil},
		"no instance":                         {func(e *events.Event) { e.ReportingInstance = "" }, []string{required + "reportingInstance"}},
		"longest instance":                    {func(e *events.Event) { e.ReportingInstance = repeat(128) }, nil},
		"too long instance":                   {func(e *events.Event) { e.ReportingInstance = repeat(129) }, []string{invalid + "reportingInstance"}},
		"no action":                           {func(e *events.Event) { e.Action = "" }, []string{required + "action"}},
		"longest action":                      {func(e *events.Event) { e.Action = repeat(128) }, nil},
		"too long action":                     {func(e *events.Event) { e.Action = repeat(129) }, []string{invalid + "action"}},
		"no reason":                           {func(e *events.Event) { e.Reason = "" }, []string{required + "reason"}},
		"longest reason":                      {func(e *events.Event) { e.Reason = repeat(128) }, nil},
		"too long reason":                     {func(e *events.Event) { e.Reason = repeat(129) }, []string{invalid + "reason"}},
		"no note":                             {func(e *events.Event) { e.Note = "" }, nil},
		"longest note":                        {func(e *events.Event) { e.Note = repeat(1024) }, nil},
		"too long note":                       {func(e *events.Event) { e.Note = repeat(1025) }, []string{invalid + "note"}},
		"note of 1024 letters but more bytes": {func(e *events.Event) { e.Note = strings.Repeat("é", 1024) }, []string{invalid + "note"}},
		"series":                              {func(e *events.Event) { e.Series = &events.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()} }, nil},
		"series of one":                       {func(e *events.Event) { e.Series = &events.EventSeries{Count: 1, LastObservedTime: metav1.NowMicro()} }, []string{invalid + "series.count"}},
		"series never observed":               {func(e *events.Event) { e.Series = &events.EventSeries{Count: 2} }, []string{required + "series.lastObservedTime"}},
		"deprecated first timestamp":          {func(e *events.Event) { e.DeprecatedFirstTimestamp = now }, []string{invalid + "deprecatedFirstTimestamp"}},
		"deprecated last timestamp":           {func(e *events.Event) { e.DeprecatedLastTimestamp = now }, []string{invalid + "deprecatedLastTimestamp"}},
		"deprecated count":                    {func(e *events.Event) { e.DeprecatedCount = 1 }, []string{invalid + "deprecatedCount"}},
		"deprecated source component":         {func(e *events.Event) { e.DeprecatedSource.Component = "kubelet" }, []string{invalid + "deprecatedSource"}},
		"deprecated source host":              {func(e *events.Event) { e.DeprecatedSource.Host = "node" }, []string{invalid + "deprecatedSource"}},
		"about an object elsewhere":           {func(e *events.Event) { e.Regarding.Namespace = "other" }, nil},
		"cluster-scoped in team":              {func(e *events.Event) { e.Regarding.Namespace = "" }, []string{invalid + "regarding.namespace"}},
		"cluster-scoped in default":           {func(e *events.Event) { e.Namespace, e.Regarding.Namespace = "default", "" }, nil},
		"cluster-scoped in kube-system":       {func(e *events.Event) { e.Namespace, e.Regarding.Namespace = "kube-system", "" }, nil},
		"name with capitals":                  {func(e *events.Event) { e.Name = "Pod" }, []string{invalid + "metadata.name"}},
		"unqualified finalizer":               {func(e *events.Event) { e.Finalizers = []string{"mine"} }, []string{invalid + "metadata.finalizers[0]"}},
		"standard finalizer":                  {func(e *events.Event) { e.Finalizers = []string{"orphan"} }, nil},
		"qualified finalizer":                 {func(e *events.Event) { e.Finalizers = []string{"example.com/mine"} }, nil},
		"no event time":                       {func(e *events.Event) { e.EventTime = metav1.MicroTime{} }, []string{required + "eventTime"}},
		"no event time, about elsewhere":      {func(e *events.Event) { e.EventTime, e.Regarding.Namespace = metav1.MicroTime{}, "other" }, []string{invalid + "regarding.namespace", required + "eventTime"}},
		"no event time, cluster-scoped in default": {func(e *events.Event) {
			e.EventTime, e.Namespace, e.Regarding.Namespace = metav1.MicroTime{}, "default", ""
		}, []string{required + "eventTime"}},
		"everything wrong": {func(e *events.Event) {
			e.ReportingInstance, e.Action, e.Reason, e.Type = "", "", "", ""
		}, []string{required + "reportingInstance", required + "action", required + "reason", invalid + "type"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := validEvent()
			test.change(event)
			if diff := cmp.Diff(test.want, brief(ValidateEventCreate(event))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateEventUpdate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*events.Event)
		want   []string
	}{
		"nothing":                             {func(*events.Event) {}, nil},
		"labels":                              {func(e *events.Event) { e.Labels = map[string]string{"a": "b"} }, nil},
		"series starts":                       {func(e *events.Event) { e.Series = &events.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()} }, nil},
		"series of one":                       {func(e *events.Event) { e.Series = &events.EventSeries{Count: 1, LastObservedTime: metav1.NowMicro()} }, []string{invalid + "series.count"}},
		"regarding":                           {func(e *events.Event) { e.Regarding.Name = "other" }, []string{invalid + "regarding"}},
		"reason":                              {func(e *events.Event) { e.Reason = "Other" }, []string{invalid + "reason"}},
		"note":                                {func(e *events.Event) { e.Note = "other" }, []string{invalid + "note"}},
		"type":                                {func(e *events.Event) { e.Type = events.TypeWarning }, []string{invalid + "type"}},
		"action":                              {func(e *events.Event) { e.Action = "Stop" }, []string{invalid + "action"}},
		"related":                             {func(e *events.Event) { e.Related = &corev1.ObjectReference{Kind: "Node"} }, []string{invalid + "related"}},
		"controller":                          {func(e *events.Event) { e.ReportingController = "example.com/other" }, []string{invalid + "reportingController"}},
		"instance":                            {func(e *events.Event) { e.ReportingInstance = "other" }, []string{invalid + "reportingInstance"}},
		"deprecated source":                   {func(e *events.Event) { e.DeprecatedSource.Host = "node" }, []string{invalid + "deprecatedSource"}},
		"deprecated first":                    {func(e *events.Event) { e.DeprecatedFirstTimestamp = metav1.Now() }, []string{invalid + "deprecatedFirstTimestamp"}},
		"deprecated last":                     {func(e *events.Event) { e.DeprecatedLastTimestamp = metav1.Now() }, []string{invalid + "deprecatedLastTimestamp"}},
		"deprecated count":                    {func(e *events.Event) { e.DeprecatedCount = 3 }, []string{invalid + "deprecatedCount"}},
		"event time by a microsecond":         {func(e *events.Event) { e.EventTime = metav1.NewMicroTime(e.EventTime.Add(time.Microsecond)) }, []string{invalid + "eventTime"}},
		"event time below a microsecond":      {func(e *events.Event) { e.EventTime = metav1.NewMicroTime(e.EventTime.Add(999 * time.Nanosecond)) }, nil},
		"event time in another zone":          {func(e *events.Event) { e.EventTime = metav1.NewMicroTime(e.EventTime.In(time.FixedZone("z", 3600))) }, nil},
		"name":                                {func(e *events.Event) { e.Name = "other" }, []string{invalid + "metadata.name"}},
		"content rules hold on updates too":   {func(e *events.Event) { e.Note = repeat(1025) }, []string{invalid + "note", invalid + "note"}},
		"event time gone, about elsewhere ok": {func(e *events.Event) { e.EventTime = metav1.MicroTime{} }, []string{invalid + "eventTime"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, updated := validEvent(), validEvent()
			test.change(updated)
			if diff := cmp.Diff(test.want, brief(ValidateEventUpdate(updated, old))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An event of core/v1 violates the strict rules, but its series and labels must stay
// mutable.
func TestValidateEventUpdate_OfAnEventFromCoreV1(t *testing.T) {
	t.Parallel()
	fromCore := func() *events.Event {
		event := validEvent()
		event.EventTime = metav1.MicroTime{}
		event.ReportingController, event.ReportingInstance, event.Action = "", "", ""
		event.DeprecatedCount = 5
		return event
	}
	old, updated := fromCore(), fromCore()
	updated.Labels = map[string]string{"seen": "yes"}
	if errs := ValidateEventUpdate(updated, old); len(errs) > 0 {
		t.Errorf("a changed label was rejected: %v", errs)
	}
}

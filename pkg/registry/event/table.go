// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// unknownTime is the text of a time that is not set.
const unknownTime = "<unknown>"

// tableConvertor converts events to tables with the columns of the built-in.
type tableConvertor struct {
	now func() time.Time
}

var _ rest.TableConvertor = tableConvertor{}

func newTableConvertor(now func() time.Time) tableConvertor { return tableConvertor{now: now} }

// ConvertToTable converts an event or a list of events.
func (c tableConvertor) ConvertToTable(_ context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	table, err := c.rows(obj)
	if err != nil {
		return nil, err
	}
	withoutHeaders, err := noHeaders(options)
	if err != nil {
		return nil, err
	}
	if !withoutHeaders {
		table.ColumnDefinitions = columns()
	}
	return table, nil
}

func (c tableConvertor) rows(obj runtime.Object) (*metav1.Table, error) {
	now := c.now()
	switch t := obj.(type) {
	case *events.EventList:
		table := &metav1.Table{ListMeta: t.ListMeta, Rows: make([]metav1.TableRow, 0, len(t.Items))}
		for i := range t.Items {
			table.Rows = append(table.Rows, row(&t.Items[i], now))
		}
		return table, nil
	case *events.Event:
		return &metav1.Table{
			ListMeta: metav1.ListMeta{ResourceVersion: t.ResourceVersion},
			Rows:     []metav1.TableRow{row(t, now)},
		}, nil
	}
	return nil, errNotAnEvent(obj)
}

func noHeaders(options runtime.Object) (bool, error) {
	switch t := options.(type) {
	case nil:
		return false, nil
	case *metav1.TableOptions:
		return t != nil && t.NoHeaders, nil
	}
	return false, fmt.Errorf("unrecognized type %T for table options, can't display tabular output", options)
}

// columns returns the columns of the built-in. It describes them by the fields of core/v1,
// whose texts are in k8s.io/api.
func columns() []metav1.TableColumnDefinition {
	event := corev1.Event{}.SwaggerDoc()
	reference := corev1.ObjectReference{}.SwaggerDoc()
	meta := metav1.ObjectMeta{}.SwaggerDoc()
	return []metav1.TableColumnDefinition{
		{Name: "Last Seen", Type: "string", Description: event["lastTimestamp"]},
		{Name: "Type", Type: "string", Description: event["type"]},
		{Name: "Reason", Type: "string", Description: event["reason"]},
		{Name: "Object", Type: "string", Description: event["involvedObject"]},
		{Name: "Subobject", Type: "string", Priority: 1, Description: reference["fieldPath"]},
		{Name: "Source", Type: "string", Priority: 1, Description: event["source"]},
		{Name: "Message", Type: "string", Description: event["message"]},
		{Name: "First Seen", Type: "string", Priority: 1, Description: event["firstTimestamp"]},
		{Name: "Count", Type: "string", Priority: 1, Description: event["count"]},
		{Name: "Name", Type: "string", Priority: 1, Format: "name", Description: meta["name"]},
	}
}

// row returns the row of an event, with its cells in the order of columns.
func row(event *events.Event, now time.Time) metav1.TableRow {
	first, last, count := observed(event)
	return metav1.TableRow{
		Object: runtime.RawExtension{Object: event},
		Cells: []any{
			age(last, now),
			event.Type,
			event.Reason,
			target(event.Regarding),
			event.Regarding.FieldPath,
			source(event),
			strings.TrimSpace(event.Note),
			age(first, now),
			count,
			event.Name,
		},
	}
}

// observed returns when an event was first and last seen and how often, for events of this
// API (eventTime, series) and of core/v1 (the deprecated fields).
func observed(event *events.Event) (first, last time.Time, count int64) {
	first = event.DeprecatedFirstTimestamp.Time
	if first.IsZero() {
		first = event.EventTime.Time
	}
	last = event.DeprecatedLastTimestamp.Time
	if last.IsZero() {
		last = first
	}
	count = int64(event.DeprecatedCount)
	if event.Series != nil {
		return first, event.Series.LastObservedTime.Time, int64(event.Series.Count)
	}
	if count == 0 {
		count = 1
	}
	return first, last, count
}

func age(t, now time.Time) string {
	if t.IsZero() {
		return unknownTime
	}
	return duration.HumanDuration(now.Sub(t))
}

func target(regarding corev1.ObjectReference) string {
	kind := strings.ToLower(regarding.Kind)
	if regarding.Name == "" {
		return kind
	}
	return kind + "/" + regarding.Name
}

// source returns the reporter of the event, with the instance if it is known. The source
// that a core/v1 client wrote takes precedence.
func source(event *events.Event) string {
	component := event.DeprecatedSource.Component
	if component == "" {
		component = event.ReportingController
	}
	instance := event.DeprecatedSource.Host
	if instance == "" {
		instance = event.ReportingInstance
	}
	if instance == "" {
		return component
	}
	return component + ", " + instance
}

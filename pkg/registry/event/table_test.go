// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

func TestTable_Rows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	tests := map[string]struct {
		event *events.Event
		want  []any
	}{
		"singleton of this API": {
			&events.Event{
				ObjectMeta: metav1.ObjectMeta{Name: "e"}, EventTime: metav1.NewMicroTime(ago(time.Minute)),
				Type: "Normal", Reason: "Because", Note: " a note \n", ReportingController: "c", ReportingInstance: "c-1",
				Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p", FieldPath: "spec"},
			},
			[]any{"60s", "Normal", "Because", "pod/p", "spec", "c, c-1", "a note", "60s", int64(1), "e"},
		},
		"series": {
			&events.Event{
				EventTime: metav1.NewMicroTime(ago(time.Hour)),
				Series:    &events.EventSeries{Count: 7, LastObservedTime: metav1.NewMicroTime(ago(5 * time.Second))},
			},
			[]any{"5s", "", "", "", "", "", "", "60m", int64(7), ""},
		},
		"from core/v1": {
			&events.Event{
				DeprecatedFirstTimestamp: metav1.NewTime(ago(2 * time.Hour)),
				DeprecatedLastTimestamp:  metav1.NewTime(ago(3 * time.Minute)),
				DeprecatedCount:          4,
				DeprecatedSource:         corev1.EventSource{Component: "kubelet", Host: "node"},
				ReportingController:      "ignored",
				Regarding:                corev1.ObjectReference{Kind: "Node"},
			},
			[]any{"3m", "", "", "node", "", "kubelet, node", "", "120m", int64(4), ""},
		},
		"first observed only": {
			&events.Event{DeprecatedFirstTimestamp: metav1.NewTime(ago(time.Minute))},
			[]any{"60s", "", "", "", "", "", "", "60s", int64(1), ""},
		},
		"no times": {
			&events.Event{ReportingController: "c"},
			[]any{"<unknown>", "", "", "", "", "c", "", "<unknown>", int64(1), ""},
		},
	}
	convertor := newTableConvertor(func() time.Time { return now })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, err := convertor.ConvertToTable(t.Context(), test.event, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(table.Rows) != 1 {
				t.Fatalf("got %d rows for one event", len(table.Rows))
			}
			if diff := cmp.Diff(test.want, table.Rows[0].Cells); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(table.ColumnDefinitions) != len(test.want) {
				t.Errorf("%d columns for %d cells", len(table.ColumnDefinitions), len(test.want))
			}
		})
	}
}

func TestTable_List(t *testing.T) {
	t.Parallel()
	remaining := int64(3)
	list := &events.EventList{
		ListMeta: metav1.ListMeta{ResourceVersion: "9", Continue: "more", RemainingItemCount: &remaining},
		Items:    []events.Event{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, {ObjectMeta: metav1.ObjectMeta{Name: "b"}}},
	}
	table, err := newTableConvertor(time.Now).ConvertToTable(t.Context(), list, &metav1.TableOptions{NoHeaders: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list.ListMeta, table.ListMeta); diff != "" {
		t.Errorf("list metadata (-want +got):\n%s", diff)
	}
	if len(table.Rows) != 2 || len(table.ColumnDefinitions) != 0 {
		t.Errorf("got %d rows and %d columns; want 2 and, without headers, none", len(table.Rows), len(table.ColumnDefinitions))
	}
}

func TestTable_Columns(t *testing.T) {
	t.Parallel()
	type column struct {
		name     string
		priority int32
	}
	want := []column{
		{"Last Seen", 0}, {"Type", 0}, {"Reason", 0}, {"Object", 0}, {"Subobject", 1},
		{"Source", 1}, {"Message", 0}, {"First Seen", 1}, {"Count", 1}, {"Name", 1},
	}
	var got []column
	for _, definition := range columns() {
		got = append(got, column{definition.Name, definition.Priority})
		if definition.Description == "" || definition.Type != "string" {
			t.Errorf("column %s: type %q, description %q", definition.Name, definition.Type, definition.Description)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(column{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTable_RejectsOtherTypes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ obj, options runtime.Object }{
		"another type":    {&metav1.Status{}, nil},
		"unknown options": {&events.Event{}, &metav1.ListOptions{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := newTableConvertor(time.Now).ConvertToTable(t.Context(), test.obj, test.options); err == nil {
				t.Error("no error")
			}
		})
	}
}

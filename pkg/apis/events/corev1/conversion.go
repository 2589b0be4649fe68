// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package corev1

import (
	upstreamcorev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/conversion"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Convert_v1_Event_To_events_Event converts a core/v1 event to the hub type. The
// generated function copies fields of the same name, this one the renamed fields.
func Convert_v1_Event_To_events_Event(in *upstreamcorev1.Event, out *events.Event, scope conversion.Scope) error {
	if err := autoConvert_v1_Event_To_events_Event(in, out, scope); err != nil {
		return err
	}
	out.Regarding = in.InvolvedObject
	out.Note = in.Message
	out.DeprecatedSource = in.Source
	out.DeprecatedFirstTimestamp = in.FirstTimestamp
	out.DeprecatedLastTimestamp = in.LastTimestamp
	out.DeprecatedCount = in.Count
	return nil
}

// Convert_events_Event_To_v1_Event is the inverse of Convert_v1_Event_To_events_Event.
func Convert_events_Event_To_v1_Event(in *events.Event, out *upstreamcorev1.Event, scope conversion.Scope) error {
	if err := autoConvert_events_Event_To_v1_Event(in, out, scope); err != nil {
		return err
	}
	out.InvolvedObject = in.Regarding
	out.Message = in.Note
	out.Source = in.DeprecatedSource
	out.FirstTimestamp = in.DeprecatedFirstTimestamp
	out.LastTimestamp = in.DeprecatedLastTimestamp
	out.Count = in.DeprecatedCount
	return nil
}

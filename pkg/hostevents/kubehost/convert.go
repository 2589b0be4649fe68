// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"errors"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	hubcorev1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
)

// toHost converts the event to core/v1. The result shares memory with it.
func toHost(event *events.Event) (*corev1.Event, error) {
	sent := &corev1.Event{}
	if err := hubcorev1.Convert_events_Event_To_v1_Event(event, sent, nil); err != nil {
		return nil, fmt.Errorf("converting an event to core/v1: %w", err)
	}
	// The owners of fields differ between the two views.
	sent.ManagedFields = nil
	return sent, nil
}

// fromHost converts an event of the host. The result shares memory with it, so it
// must not be used any more.
func fromHost(got *corev1.Event) (*events.Event, error) {
	version, err := parseVersion(got.ResourceVersion)
	if err != nil {
		return nil, err
	}
	event := &events.Event{}
	if err := hubcorev1.Convert_v1_Event_To_events_Event(got, event, nil); err != nil {
		return nil, fmt.Errorf("converting an event from core/v1: %w", err)
	}
	event.ResourceVersion = ""
	event.Host = events.HostState{Version: version, WrittenAt: writtenAt(&got.ObjectMeta)}
	event.ManagedFields = nil
	return event, nil
}

// writtenAt is when the host last wrote the object, from the times of its managers'
// last changes.
func writtenAt(meta *metav1.ObjectMeta) int64 {
	written := meta.CreationTimestamp.Time
	for i := range meta.ManagedFields {
		if at := meta.ManagedFields[i].Time; at != nil && at.After(written) {
			written = at.Time
		}
	}
	return written.Unix()
}

var errVersionNotOrdered = errors.New("the host's resource versions cannot be ordered")

// parseVersion parses a resource version. Those of one resource are increasing
// numbers, which the Kubernetes API guarantees since 1.35.
func parseVersion(text string) (uint64, error) {
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil || version == 0 {
		return 0, fmt.Errorf("%w: %q is no number", errVersionNotOrdered, text)
	}
	return version, nil
}

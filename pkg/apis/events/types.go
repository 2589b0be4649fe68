// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package events

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The values of Event.Type that a client may create. Later versions of the API may add more,
// so readers must accept others.
const (
	// TypeNormal is for information.
	TypeNormal = corev1.EventTypeNormal
	// TypeWarning is for problems.
	TypeWarning = corev1.EventTypeWarning
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Event reports that something happened in the cluster, usually a change of
// state. Events are best-effort, supplemental and kept for a limited time.
//
// The order and the types of the fields are those of k8s.io/api/events/v1.Event,
// except for Host, which is internal.
type Event struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	// EventTime is when the event was first observed. It is zero only in events of
	// core/v1.
	EventTime metav1.MicroTime
	// Series is set if the event has repeated, nil for a singleton.
	Series *EventSeries

	// ReportingController names the controller that emitted the event, for
	// example "kubernetes.io/kubelet".
	ReportingController string
	// ReportingInstance identifies the instance of that controller, for
	// example "kubelet-xyzf".
	ReportingInstance string
	// Action is what was done, or failed, about Regarding; machine-readable.
	Action string
	// Reason is why Action was taken; human-readable.
	Reason string

	// Regarding is the object the event is about.
	Regarding corev1.ObjectReference
	// Related is a second object, for actions that involve two.
	Related *corev1.ObjectReference
	// Note describes the status of the operation; human-readable.
	Note string
	// Type is TypeNormal or TypeWarning; see the constants.
	Type string

	// DeprecatedSource is core/v1's source; unset in events created through
	// events.k8s.io.
	DeprecatedSource corev1.EventSource
	// DeprecatedFirstTimestamp is core/v1's firstTimestamp.
	DeprecatedFirstTimestamp metav1.Time
	// DeprecatedLastTimestamp is core/v1's lastTimestamp.
	DeprecatedLastTimestamp metav1.Time
	// DeprecatedCount is core/v1's count of occurrences.
	DeprecatedCount int32

	// Host is the state of the same event in core/v1 of the host cluster. It is in no
	// version of the API: it is stored with the event, but never read from a client nor
	// returned to one.
	//
	// +k8s:conversion-gen=false
	Host HostState
}

// HostState ties a stored event to its state in the host cluster.
type HostState struct {
	// Version is the resource version of the host's state to which the stored
	// state corresponds. Zero if the host is not known to have the event.
	// Versions of one host are ordered: the higher one is the later state.
	Version uint64
	// WrittenAt is when the host wrote Version, in seconds since 1970, as far as
	// it is known. The host's time to live counts from then.
	WrittenAt int64
	// Pending is whether the stored state is newer than Version and not yet written in
	// the host.
	Pending bool
	// UID is the uid of the host's object if it differs from that of the event, because
	// the object was created in the host again, or later than here. Clients see the uid
	// of the event, which never changes. Empty if both are the same.
	UID types.UID
}

// UIDInHost returns the uid of the host's object.
func (e *Event) UIDInHost() types.UID {
	if e.Host.UID != "" {
		return e.Host.UID
	}
	return e.UID
}

// EventSeries is how often a repeating event was observed, and when last.
type EventSeries struct {
	// Count is the number of occurrences up to the last heartbeat, at least 2.
	Count int32
	// LastObservedTime is when the event was last seen before the heartbeat.
	LastObservedTime metav1.MicroTime
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EventList is a list of events.
type EventList struct {
	metav1.TypeMeta
	metav1.ListMeta

	Items []Event
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// withIdentity returns the event with the uid and creation time by which clients know
// it. If the host's object has another uid, that is kept in the Host state. It shares
// memory with the given event.
func withIdentity(event *events.Event, hostUID types.UID, known *events.Event) *events.Event {
	next := *event
	next.UID, next.CreationTimestamp, next.Host.UID = known.UID, known.CreationTimestamp, hostUID
	if hostUID == known.UID {
		next.Host.UID = ""
	}
	return &next
}

// sameEvent reports whether the host's event is the stored one, and not another one
// with its name.
func sameEvent(stored, current *events.Event) bool {
	if stored.Host.Version != 0 && stored.UIDInHost() == current.UID {
		return true
	}
	return stored.Host.Version == 0 && fingerprint(stored) == fingerprint(current)
}

// fingerprint is equal for two states of one event and differs for two events with
// one name: it covers what cannot be changed. It identifies a creation whose answer,
// and with it the uid, was lost.
func fingerprint(event *events.Event) uint64 {
	h := fnv.New64a()
	text := func(values ...string) {
		for _, value := range values {
			_, _ = h.Write([]byte(value))
			_, _ = h.Write([]byte{0})
		}
	}
	// Below a microsecond the time depends on the wire format.
	var when [8]byte
	binary.BigEndian.PutUint64(when[:], uint64(event.EventTime.Truncate(time.Microsecond).UnixMicro()))
	_, _ = h.Write(when[:])
	text(event.Namespace, event.Name, event.Reason, event.Action, event.Note, event.Type, event.ReportingController, event.ReportingInstance)
	text(event.Regarding.Kind, event.Regarding.Namespace, event.Regarding.Name, string(event.Regarding.UID))
	return h.Sum64()
}

// SameContent reports whether two states of an event are equal in everything that
// both views show: the fields of the event, labels, annotations.
func SameContent(a, b *events.Event) bool { return sameContent(a, b) }

func sameContent(a, b *events.Event) bool {
	return equality.Semantic.DeepEqual(contentOf(a), contentOf(b))
}

// contentOf is the event without what each view has for itself.
func contentOf(event *events.Event) *events.Event {
	content := *event
	content.TypeMeta = metav1.TypeMeta{}
	content.UID, content.ResourceVersion, content.CreationTimestamp = "", "", metav1.Time{}
	content.ManagedFields, content.Generation = nil, 0
	content.Host = events.HostState{}
	return &content
}

// Merge returns what is stored after a state of the host that is newer than the
// stored one: that state, unless a pending write of this server comes after it. It
// shares memory with its arguments.
func Merge(stored, current *events.Event) *events.Event {
	if stored == nil {
		return current
	}
	same := stored.UIDInHost() == current.UID || stored.Host.Pending && sameEvent(stored, current)
	if !same {
		return current // another event has the name now
	}
	if stored.Host.Pending && !sameContent(stored, current) {
		next := *stored
		next.Host = events.HostState{Version: current.Host.Version, WrittenAt: current.Host.WrittenAt, Pending: true}
		return withIdentity(&next, current.UID, stored)
	}
	next := *current
	next.ManagedFields = stored.ManagedFields
	return withIdentity(&next, current.UID, stored)
}

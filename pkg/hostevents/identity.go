// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// withIdentity returns the event under the uid and creation time by which clients
// know it. The uid that the host's object has is kept out of their sight where it
// is another one. It shares memory with the given event.
func withIdentity(event *events.Event, hostUID types.UID, known *events.Event) *events.Event {
	next := *event
	next.UID, next.CreationTimestamp, next.Host.UID = known.UID, known.CreationTimestamp, hostUID
	if hostUID == known.UID {
		next.Host.UID = ""
	}
	return &next
}

// sameEvent tells whether the host's event is the stored one, and not another
// one under its name.
func sameEvent(stored, current *events.Event) bool {
	if stored.Host.Version != 0 && stored.UIDInHost() == current.UID {
		return true
	}
	return stored.Host.Version == 0 && fingerprint(stored) == fingerprint(current)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import "github.com/events-apiserver/events-apiserver/pkg/apis/events"

// Key names an event.
type Key struct {
	Namespace, Name string
}

// KeyOf returns the key of the event.
func KeyOf(event *events.Event) Key { return Key{Namespace: event.Namespace, Name: event.Name} }

// String returns the key in the order in which both the host and the store list
// events.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

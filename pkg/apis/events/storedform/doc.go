// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storedform is the form in which events are stored: the protobuf of
// events.k8s.io/v1, with the state of the event in the host cluster in annotations.
//
// It promises that what is decoded is what was encoded, that these annotations are
// in no event outside of a store, and that ones sent by a client have no effect. It
// must not know which store keeps the bytes.
package storedform

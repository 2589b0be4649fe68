// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package events holds the hub type of the API group events.k8s.io: the one
// form in which the server works on an Event, whatever version a client speaks.
//
// The hub has the shape of events.k8s.io/v1, field by field and in the same
// order, so that conversion to and from it is a cast where the memory layout
// agrees and so that a validation error names the field the client sent.
//
// It promises to be plain data. It must not know how events are validated,
// stored or served.
//
// +k8s:deepcopy-gen=package
// +groupName=events.k8s.io
package events

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package events has the hub types of the API group events.k8s.io, to and from which all
// versions convert.
//
// The fields and their order are those of events.k8s.io/v1, so that conversion is a cast
// where the memory layouts agree, and a validation error names the field that the client
// sent.
//
// It promises to be plain data. It must not know how events are validated,
// stored or served.
//
// +k8s:deepcopy-gen=package
// +groupName=events.k8s.io
package events

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1beta1 converts between the hub type and events.k8s.io/v1beta1,
// which is not served.
//
// Clients still send it. Because the kind is registered, they get the error of the built-in,
// which names the expected version, instead of one about an unknown kind. It must not know
// about validation or storage.
//
// +k8s:conversion-gen=github.com/events-apiserver/events-apiserver/pkg/apis/events
// +k8s:conversion-gen-external-types=k8s.io/api/events/v1beta1
// +groupName=events.k8s.io
package v1beta1

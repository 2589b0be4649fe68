// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1 converts between the hub type and events.k8s.io/v1, the version that is served
// and stored.
//
// The versioned Go types are those of k8s.io/api/events/v1, which client-go uses, too. It
// promises that conversion is lossless in both directions. It must not know about
// validation or storage.
//
// +k8s:conversion-gen=github.com/events-apiserver/events-apiserver/pkg/apis/events
// +k8s:conversion-gen-external-types=k8s.io/api/events/v1
// +k8s:defaulter-gen=TypeMeta
// +k8s:defaulter-gen-input=k8s.io/api/events/v1
// +groupName=events.k8s.io
package v1

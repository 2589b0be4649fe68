// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package corev1 converts between the hub type and core/v1 Event, the older API in which
// kube-apiserver serves the same events.
//
// Both have the same data under different names: involvedObject is regarding, message is
// note, reportingComponent is reportingController, and source, timestamps and count are the
// deprecated* fields here. It promises that conversion is lossless in both directions. It
// must not know about validation or storage.
//
// +k8s:conversion-gen=github.com/events-apiserver/events-apiserver/pkg/apis/events
// +k8s:conversion-gen-external-types=k8s.io/api/core/v1
package corev1

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package corev1 converts between the hub type and core/v1 Event, the older
// form in which kube-apiserver serves the same events.
//
// The two forms hold the same facts under other names: involvedObject is
// regarding, message is note, reportingComponent is reportingController, and
// the older form's source, timestamps and count are the deprecated* fields
// here. It promises that conversion loses nothing in either direction. It must
// not know about validation or storage.
//
// +k8s:conversion-gen=github.com/events-apiserver/events-apiserver/pkg/apis/events
// +k8s:conversion-gen-external-types=k8s.io/api/core/v1
package corev1

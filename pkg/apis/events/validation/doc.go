// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package validation says which events a client may create and how it may
// change them through events.k8s.io/v1.
//
// It promises the rules, the order and the messages of the built-in
// events.k8s.io/v1 of Kubernetes 1.37 (pkg/apis/core/validation/events.go
// there, read as a reference), with one difference on purpose: an error names
// the field as the client sent it (regarding, note, deprecatedCount), where the
// built-in names core/v1's. It must not know where an event came from; what
// arrives through core/v1 follows that API's lenient rules and does not pass
// here.
package validation

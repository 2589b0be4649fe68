// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package validation validates events that clients create and update through
// events.k8s.io/v1.
//
// It promises the rules, the order and the messages of the built-in events.k8s.io/v1 of
// Kubernetes 1.37 (pkg/apis/core/validation/events.go), with one intended difference: an
// error names the field that the client sent (regarding, note, deprecatedCount), while the
// built-in names that of core/v1. It must not know about core/v1: events written there
// follow the lenient rules of that API and are not validated here.
package validation

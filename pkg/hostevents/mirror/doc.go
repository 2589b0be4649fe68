// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mirror puts the host cluster between the registry and the store: a
// storage.Interface whose writes are made in the host first.
//
// Everything above it, such as validation, admission, apply and the deletion of
// collections, works as without a host. It promises that a write that the host
// refuses is not stored, and that a write based on another state than the host's is
// tried again on the host's state. It must not know how the host is reached.
package mirror

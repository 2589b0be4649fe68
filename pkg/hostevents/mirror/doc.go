// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mirror puts the host cluster between the registry and the store: a
// storage.Interface whose writes are made in the host first.
//
// Everything above it, as validation, admission, apply and the deletion of
// collections, stays as it is without a host. It promises that what the host
// refuses is not stored, and that a write which is based on another state than
// the host's is tried again on that. It must not know how the host is reached;
// that is the bridge's.
package mirror

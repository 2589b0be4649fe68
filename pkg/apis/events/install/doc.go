// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install registers the API group events.k8s.io, its versions and their priority
// in a scheme.
//
// No other package knows which versions exist. It must not know what the scheme is used
// for.
package install

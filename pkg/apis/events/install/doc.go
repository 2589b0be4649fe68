// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install puts the API group events.k8s.io, all its versions and their
// order of preference into a scheme.
//
// It is the one place that knows which versions exist. It must not know what
// is done with the scheme.
package install

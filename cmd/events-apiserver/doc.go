// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command events-apiserver serves the API group events.k8s.io/v1 from its own
// store. See `events-apiserver --help`.
//
// It promises to end in order on the first signal and at once on the second,
// and status 1 after an error. It must not know anything beyond that: the
// commands are those of pkg/cmd/server.
package main

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package embedded opens a data directory as the store of an API server: the engine,
// pkg/storage above it, encryption at rest, metrics, readiness, and the socket for
// the operator's commands.
//
// It promises that a disk which refuses writes leaves reads as they are, and that
// the server learns when a restart would make it write again. It must not know which
// objects it keeps; see Content.
package embedded

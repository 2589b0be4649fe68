// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command localcluster runs the local cluster of "make up": a real control plane
// on loopback with events-apiserver beside it, which lives on when the command
// ends.
//
// It promises messages with the next step. It must not know how a cluster is
// made: package cluster does.
package main

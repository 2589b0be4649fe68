// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openapi holds the OpenAPI definitions of every type that this server
// publishes: events.k8s.io/v1, the meta/v1 types, and the types of core/v1 that
// an Event uses.
//
// It promises the definition names and texts that kube-apiserver publishes for
// the same types. It must not hold anything written by hand but this comment.
package openapi

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package event is the REST storage of events: their strategy, the fields that selectors
// match, and the columns of tables.
//
// Verbs, paging, patch, apply and watch are those of the generic registry of
// k8s.io/apiserver. The package promises the behaviour of the built-in events.k8s.io/v1. It
// must not know which store the RESTOptionsGetter returns.
package event

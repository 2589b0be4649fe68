// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package event is the REST storage of events: what may be written and how
// (strategy), what selectors see (selection), how a list looks as a table.
//
// All verbs, paging, patching, apply and watching come from
// k8s.io/apiserver's generic registry. The package promises the behaviour of
// the built-in events.k8s.io/v1. It must not know which store stands behind
// the RESTOptionsGetter that it is given.
package event

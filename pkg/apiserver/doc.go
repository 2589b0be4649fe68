// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver assembles the server: the scheme, the API group and the
// storage behind it, on k8s.io/apiserver's generic server. It gives a store what it
// must not know of events: their codec and their indexes.
//
// It promises that a Config, completed, gives a server that serves
// events.k8s.io/v1 and nothing else beside the generic endpoints. It must not
// know about flags or how the process is run.
package apiserver

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controllerruntime is a controller as many projects have one: a
// manager of sigs.k8s.io/controller-runtime that reconciles ConfigMaps and
// records an event for each change through the manager's recorder.
//
// It promises to report through the recorder alone, and to end without an error
// on SIGTERM. It is a Go module of its own, so that controller-runtime is no
// requirement of events-apiserver, and it must not know events-apiserver: it is
// any client of events.k8s.io/v1.
package main

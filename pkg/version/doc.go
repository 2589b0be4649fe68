// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package version says which build of events-apiserver this is.
//
// It is apart from k8s.io/component-base/version, whose value the Kubernetes
// libraries read as the version of Kubernetes to behave as: a small number
// there would switch off their features.
package version

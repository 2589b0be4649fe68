// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package disktest has a file system that runs full, for the tests of disk and of
// the engine. It must not be imported by anything else.
package disktest

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package eventstore opens the server's own embedded store of events for tests of
// what is built on it and must not import it.
//
// It promises a store that is wired as in the server, in a directory of the test's.
// It must not know what the tests do with it.
package eventstore

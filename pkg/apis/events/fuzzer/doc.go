// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fuzzer has fuzzer functions for hub events, for round-trip tests.
//
// It promises values that every version can represent. It must not be used
// outside tests.
package fuzzer

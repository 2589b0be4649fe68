// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package retry decides when a request may be sent again: a circuit breaker for a
// host and each of its namespaces, and a backoff for each record of a queue.
//
// It promises that a failure in one namespace holds up no other, and that a host
// that has failed is probed at intervals. It must not know what the requests are,
// nor how they fail.
package retry

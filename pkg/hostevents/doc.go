// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostevents keeps one set of events with the host cluster's core/v1:
// what is written there is taken in (ingest), what is written through
// events.k8s.io is made there first (mirror), and what could not be made there
// in time is made there later (queue).
//
// The host's order decides. Each stored event carries the version of the host's
// state to which it corresponds, so that a state that comes in late, twice, or as
// the echo of a write of our own is known as such and changes nothing.
//
// It promises that both views agree once the host is reachable, however writes
// through both interleave, and that a write which was acknowledged is not lost
// while the host is away. It declares the host, the store and the election that
// it needs as small interfaces and must not know what stands behind them.
package hostevents

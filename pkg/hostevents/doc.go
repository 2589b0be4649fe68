// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostevents keeps the events of events.k8s.io and the core/v1 events of the
// host cluster one set. What is written in the host is ingested. What is written
// through events.k8s.io is made in the host first (package mirror), and what could
// not be made there in time is noted in the outbox and made later.
//
// The host decides the order. Each stored event carries the version of the host's
// state to which it corresponds, so that a state that arrives late, twice, or as the
// echo of a write of this server is recognized and changes nothing.
//
// It promises that both views agree once the host can be reached, however writes
// through both interleave, and that an acknowledged write is not lost while the host
// is unavailable. It declares the host, the store, the outbox and the election as
// small interfaces and must not know their implementations.
package hostevents

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crash kills the real server while clients write to it, a hundred
// times, and compares what it says afterwards with a record of its own.
//
// It promises to notice when an acknowledged write is lost, changed or undone,
// when a write that got no answer is there in part, when a revision is given out
// twice or goes back, when a list by a field differs from the filter of the
// whole list, when a watch leaves a change out, repeats or reorders one, and
// when a client's cache goes astray. What it cannot see is a missing fsync: a
// killed process leaves what it has written in the kernel's memory, and only a
// machine that loses its power loses that. The tests of pkg/engine do this with
// a disk in memory.
//
// How it knows what is right: each key is written by one writer, which knows
// what the key holds. Every revision is one change of one key, so the changes
// that a watch of everything delivers have no gaps, and each must be a write
// that was sent, or the end of an event whose time was over. From these changes
// the record derives the state at every revision, against which all lists,
// watches and answers are held.
//
// The record (record.go, settle.go, compare.go) works on plain values and has
// tests of its own with histories that are wrong. The test of the server needs
// bin/events-apiserver and has the build tag e2e; its flags:
//
//	-crash.kills  how many times to kill the server, default 5
//	-crash.seed   the seed of all decisions, as an earlier run printed it
//	-crash.dir    where to keep the data, the logs and the journal
//
// The package knows the server from outside alone, as a program and by its API;
// it shares no code with it.
package crash

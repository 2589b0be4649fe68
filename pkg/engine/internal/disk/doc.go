// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package disk is how the engine deals with a disk: a file system that retries
// what must succeed while the disk is full (FS), the free space below which writes
// are refused (Guard), files and directories that survive a crash, and a file
// system that changes nothing (ReadOnly).
//
// It promises that a full disk loses nothing that was acknowledged: Pebble waits
// for space where it would otherwise stop for good. It must not know what is in the
// files; of Pebble it knows vfs and its names for what a file is written for.
package disk

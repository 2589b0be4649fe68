// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package maintenance does what commands do to a store: check, save and restore
// snapshots, compact, export, import, and encrypt with another key.
//
// It promises that a server which uses a data directory is asked to do it, and that a
// directory without one is not changed but where the command is to change it. It must
// not know which objects the store keeps, nor about flags.
package maintenance

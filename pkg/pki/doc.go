// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki keeps a small certificate authority in a directory and issues
// from it the server's own serving certificate, and client certificates for
// standalone mode.
//
// It promises that a directory once filled keeps its authority, so that a
// caBundle copied out of it stays valid; that a serving certificate is issued
// anew before it ends, or when it no longer covers the names asked for; and
// that a file is never seen half written. It must not know who uses the
// certificates.
package pki

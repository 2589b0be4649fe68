// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki is a small certificate authority in a directory. It issues the server's own
// serving certificate, and client certificates for standalone mode.
//
// It promises that the authority of a directory never changes, so that a caBundle with it
// stays valid; that a serving certificate is replaced before it expires, or if it lacks a
// host name; and that files are replaced atomically. It must not know what the certificates
// are used for.
package pki

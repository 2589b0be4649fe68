// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storeadmin is the API for commands on the machine of a running server: snapshot,
// compact, export, import and rewrite. They need the server because it holds the lock of the
// data directory. It is HTTP over a Unix socket in that directory.
//
// It promises that only users who may write the files of the directory can connect: the mode
// of the socket is 0600. So there is no authentication. It must not know how the store
// implements Store.
package storeadmin

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package archive is the file format of a snapshot: a tar file that begins with a
// header in JSON and ends with the SHA-256 checksums of everything before, in the
// form of the program sha256sum.
//
// It promises that a file which was cut off, altered or extended is never read
// without an error. It must not know what the files are: which names may occur, and
// what the header has to say, is decided by the caller.
package archive

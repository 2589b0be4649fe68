// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package transfer carries the content of one store to another in a file: every
// event as it is stored, with its deadline, and the records of the bridge to the
// host cluster.
//
// A file is a stream of JSON objects, one on each line: a Header, any number of
// Records, and a trailer with how many records of each kind there are and the
// SHA-256 of all bytes before the trailer. It is written and read in one pass, in
// memory that does not grow with it. A file that was cut off or altered is
// recognized, at the latest at its end.
//
// It promises that nothing which a target holds is replaced, so an import may be
// repeated. What a value means and which store it is in is known to the Source and
// the Target; this package uses the standard library alone.
package transfer

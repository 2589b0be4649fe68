// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package transfer exports the content of a store to a file and imports it into another: every
// event in its stored form, with its deadline, and the records of the bridge to the host
// cluster.
//
// A file is a stream of JSON objects, one on each line: a Header, any number of
// Records, and a trailer with how many records of each kind there are and the
// SHA-256 of all bytes before the trailer. It is written and read in one pass and constant
// memory. A file that is truncated or altered is detected, at the latest at its end.
//
// It promises never to overwrite what a target has, so an import may be repeated. It must not
// know what a value means or in which store it is; only the Source and the Target do. It
// uses the standard library only.
package transfer

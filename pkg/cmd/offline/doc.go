// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package offline has the commands that serve nothing: for certificates, data
// directories and snapshots, exports and imports, and a look at a cluster before
// events-apiserver is registered in it.
//
// It promises that results go to the command's output and all else to its error
// output, and that the status is not 0 where something is wrong. It must not know how
// a store does what is asked of it; see storage/maintenance.
package offline

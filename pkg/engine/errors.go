// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/archive"
	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

var (
	// ErrNotFound is returned when a key does not exist at the revision asked
	// for, or when a delete finds nothing to delete.
	ErrNotFound = errors.New("key not found")

	// ErrCompacted is returned when a revision is below the compact revision, so that
	// what was there then is no longer known.
	ErrCompacted = errors.New("revision is compacted")

	// ErrFuture is returned when a revision has not been published yet.
	ErrFuture = errors.New("revision is in the future")

	// ErrClosed is returned by everything that is called on, or waits in, an
	// engine that was closed.
	ErrClosed = errors.New("engine is closed")

	// ErrLocked is returned by Open when another process, or another engine of
	// this process, has the directory open.
	ErrLocked = errors.New("data directory is in use by another process")

	// ErrNewerFormat is returned by Open when the directory was written by a
	// newer version of this program.
	ErrNewerFormat = errors.New("data directory has a newer format")

	// ErrCorrupt is returned when a file or a row is not what the engine wrote.
	ErrCorrupt = errors.New("data is corrupt")

	// ErrLowSpace is returned by writes while the disk has less free space than
	// Config.MinFreeBytes, or none at all. Reads go on, and so do deletes as long
	// as half of it is free.
	ErrLowSpace = disk.ErrLowSpace

	// ErrDiskFull is returned by what was under way when the disk ran full: a write,
	// Open and Close. It may or may not come to its end when there is room again.
	ErrDiskFull = disk.ErrFull

	// ErrFailed is returned by writes after the disk refused one. What was
	// written before then is safe and can be read; to write again the engine
	// must be opened again, because only that shows what reached the disk.
	ErrFailed = errors.New("engine stopped writing after a disk error")

	// ErrReadOnly is returned by writes to an engine that was opened with
	// Config.ReadOnly.
	ErrReadOnly = disk.ErrReadOnly

	// ErrNoData is returned by Open with Config.ReadOnly or KeepIndexes for a
	// directory that is not there or holds no data.
	ErrNoData = errors.New("not a data directory")

	// ErrOpaque is for Verification.Record to return, for a value that it cannot
	// read, such as an encrypted one, and that is not wrong for that.
	ErrOpaque = errors.New("value cannot be read")

	// ErrSnapshot is returned for a file that is not a snapshot, or not a whole
	// one.
	ErrSnapshot = archive.ErrInvalid

	// ErrNotEmpty is returned by Restore for a directory in which there is
	// something already.
	ErrNotEmpty = errors.New("directory is not empty")

	// ErrUnknownIndex is returned by List for an index that Config.Indexes does
	// not name.
	ErrUnknownIndex = errors.New("index is not declared")

	// ErrInvalid is returned for a call that no state could satisfy, such as an
	// empty key or a Config that contradicts itself.
	ErrInvalid = errors.New("invalid argument")
)

// ConflictError is returned by Commit when Op.Expect does not hold.
type ConflictError struct {
	// Current is what the key holds, or nil when the key does not exist. The
	// caller may keep it.
	Current *Record
}

// Error implements error.
func (e *ConflictError) Error() string {
	if e.Current == nil {
		return "conflict: key does not exist"
	}
	return fmt.Sprintf("conflict: key is at revision %d", e.Current.Revision)
}

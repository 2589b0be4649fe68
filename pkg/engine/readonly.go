// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// readOnlyFS refuses everything that changes a file or a directory, so that a
// directory opened with Config.ReadOnly is left as it is whatever Pebble does.
// Locking is the exception: it makes the empty file LOCK if there is none.
type readOnlyFS struct {
	vfs.FS
}

func refuse(what, path string) error { return fmt.Errorf("%w: %s %s", ErrReadOnly, what, path) }

// Create refuses.
func (readOnlyFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("making", name)
}

// Link refuses.
func (readOnlyFS) Link(_, name string) error { return refuse("linking", name) }

// OpenReadWrite refuses.
func (readOnlyFS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refuse("writing", name)
}

// Remove refuses.
func (readOnlyFS) Remove(name string) error { return refuse("removing", name) }

// RemoveAll refuses.
func (readOnlyFS) RemoveAll(name string) error { return refuse("removing", name) }

// Rename refuses.
func (readOnlyFS) Rename(name, _ string) error { return refuse("renaming", name) }

// ReuseForWrite refuses.
func (readOnlyFS) ReuseForWrite(name, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("writing", name)
}

// MkdirAll refuses.
func (readOnlyFS) MkdirAll(dir string, _ os.FileMode) error { return refuse("making", dir) }

// Lock keeps writers out. On a file system that is mounted to be read only there
// can be none.
func (f readOnlyFS) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	if errors.Is(err, syscall.EROFS) {
		return io.NopCloser(nil), nil
	}
	return lock, err
}

// Unwrap is how Pebble finds the file system below.
func (f readOnlyFS) Unwrap() vfs.FS { return f.FS }

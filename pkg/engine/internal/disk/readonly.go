// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrReadOnly is returned for everything that would change something below
// ReadOnly.
var ErrReadOnly = errors.New("data directory is open for reading only")

// ReadOnly refuses everything that changes a file or a directory, so that a
// directory that is opened to be read stays as it is whatever Pebble does.
// Locking is the exception: it creates the empty file LOCK if there is none.
type ReadOnly struct {
	vfs.FS
}

func refuse(what, path string) error { return fmt.Errorf("%w: %s %s", ErrReadOnly, what, path) }

// Create refuses.
func (ReadOnly) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("making", name)
}

// Link refuses.
func (ReadOnly) Link(_, name string) error { return refuse("linking", name) }

// OpenReadWrite refuses.
func (ReadOnly) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refuse("writing", name)
}

// Remove refuses.
func (ReadOnly) Remove(name string) error { return refuse("removing", name) }

// RemoveAll refuses.
func (ReadOnly) RemoveAll(name string) error { return refuse("removing", name) }

// Rename refuses.
func (ReadOnly) Rename(name, _ string) error { return refuse("renaming", name) }

// ReuseForWrite refuses.
func (ReadOnly) ReuseForWrite(name, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("writing", name)
}

// MkdirAll refuses.
func (ReadOnly) MkdirAll(dir string, _ os.FileMode) error { return refuse("making", dir) }

// Lock keeps writers out. On a file system that is mounted read-only there
// can be none.
func (f ReadOnly) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	if errors.Is(err, syscall.EROFS) {
		return io.NopCloser(nil), nil
	}
	return lock, err
}

// Unwrap is how Pebble finds the file system below.
func (f ReadOnly) Unwrap() vfs.FS { return f.FS }

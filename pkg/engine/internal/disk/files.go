// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// MakeDir makes a directory and the missing ones above it. Each entry is synced:
// Pebble syncs what is in its directory, but if the directory itself were lost in a
// power failure, so were all acknowledged writes.
func MakeDir(fsys vfs.FS, dir string) error {
	_, err := fsys.Stat(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := fsys.PathDir(dir)
	if parent != dir {
		if err := MakeDir(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return SyncDir(fsys, parent)
}

// SyncDir makes changes of a directory's entries durable.
func SyncDir(fsys vfs.FS, dir string) error {
	handle, err := fsys.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("syncing directory %s: %w", dir, err)
	}
	if err := errors.Join(handle.Sync(), handle.Close()); err != nil {
		return fmt.Errorf("syncing directory %s: %w", dir, err)
	}
	return nil
}

// WriteFile writes a file and syncs it. The directory is left to the caller.
func WriteFile(fsys vfs.FS, path, content string) error {
	file, err := fsys.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// SyncedFile is durable when it is closed without error.
type SyncedFile struct{ vfs.File }

// Close syncs first.
func (f SyncedFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }

// Exists reports whether something has the name. It is also true for what cannot
// be accessed.
func Exists(fsys vfs.FS, path string) bool {
	_, err := fsys.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// DirSize is the sum of the sizes of the files in a directory, in bytes.
func DirSize(fsys vfs.FS, dir string) (int64, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return 0, fmt.Errorf("listing files: %w", err)
	}
	var size int64
	for _, name := range names {
		// A file may be removed meanwhile.
		if info, err := fsys.Stat(fsys.PathJoin(dir, name)); err == nil {
			size += info.Size()
		}
	}
	return size, nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	probeName  = "PROBE"
	probeBytes = mib
)

// ProbeDisk tries whether the disk takes writes: it returns nil when there is
// room for what opening the directory anew may have to write, and a file could
// be written, synced and removed. After ErrFailed it so tells when opening anew
// is worth while.
func (e *Engine) ProbeDisk() error {
	if err := e.calls.begin(); err != nil {
		return err
	}
	defer e.calls.end()
	fsys, dir := e.config.FS, e.config.Dir
	if usage, err := fsys.GetDiskUsage(dir); err == nil {
		// The buffers of newest writes become files when the log is read.
		least := uint64(max(e.config.MinFreeBytes, memTables*e.config.MemTableBytes)) //nolint:gosec // not negative
		if usage.AvailBytes < least {
			return fmt.Errorf("%w: %d MiB are free, %d MiB are the least", ErrNoSpace, usage.AvailBytes/mib, least/mib)
		}
	}
	path := fsys.PathJoin(dir, probeName)
	err := writeProbe(fsys, path)
	if removed := fsys.Remove(path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err == nil {
		err = syncDir(fsys, dir)
	}
	return wrap("trying the disk", err)
}

func writeProbe(fsys vfs.FS, path string) error {
	file, err := fsys.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(bytes.Repeat([]byte("probe\n"), probeBytes/6))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

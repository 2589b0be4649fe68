// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk

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

// Probe returns nil if least bytes are free for the directory, and a file could be
// written there, synced and removed.
func Probe(fsys vfs.FS, dir string, least uint64) error {
	if usage, err := fsys.GetDiskUsage(dir); err == nil && usage.AvailBytes < least {
		return fmt.Errorf("%w: %d MiB are free, %d MiB are the least", ErrLowSpace, usage.AvailBytes/mib, least/mib)
	}
	path := fsys.PathJoin(dir, probeName)
	err := writeProbe(fsys, path)
	if removed := fsys.Remove(path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err == nil {
		err = SyncDir(fsys, dir)
	}
	if err != nil {
		return fmt.Errorf("probing the disk: %w", err)
	}
	return nil
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

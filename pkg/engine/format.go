// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

const (
	// Format is the version of everything that the engine puts on disk. It is
	// raised when an older build could not read, or would break, what this one
	// writes.
	Format = 1

	// pebbleFormat is fixed, so that a newer Pebble does not change the files
	// below an unchanged Format.
	pebbleFormat = pebble.FormatValueSeparation

	// The data directory holds the marker and the directory of Pebble. The
	// marker is a file of its own so that it can be read without touching
	// anything whose form it describes.
	markerName = "FORMAT"
	dataName   = "db"
)

// checkFormat returns ErrNewerFormat for a directory that a newer build wrote,
// and marks a directory that is new.
func checkFormat(fsys vfs.FS, dir string) error {
	found, err := readMarker(fsys, dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return markFormat(fsys, dir)
	case err != nil:
		return err
	default:
		return knownFormat(dir, found)
	}
}

// knownFormat returns ErrNewerFormat for a number that this build does not know.
func knownFormat(what string, found int) error {
	if found <= Format {
		return nil
	}
	return fmt.Errorf("%w: %s has format %d, this build knows up to %d; run the newer version, or restore a snapshot made by this one",
		ErrNewerFormat, what, found, Format)
}

func readMarker(fsys vfs.FS, dir string) (int, error) {
	path := fsys.PathJoin(dir, markerName)
	file, err := fsys.Open(path)
	if err != nil {
		return 0, fmt.Errorf("opening format marker: %w", err)
	}
	content, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return 0, fmt.Errorf("reading format marker %s: %w", path, err)
	}
	found, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || found < 1 {
		return 0, fmt.Errorf("%w: %s does not hold a format number; restore the directory from a snapshot", ErrCorrupt, path)
	}
	return found, nil
}

// markFormat makes the marker in such a way that it is there whole or not at
// all after a crash. Without a marker there must not be any data: it would be
// of unknown form. Where a restore was interrupted, an empty store would look as
// if it were what was restored.
func markFormat(fsys vfs.FS, dir string) error {
	if staging := fsys.PathJoin(dir, stagingName); disk.Exists(fsys, staging) {
		return fmt.Errorf("%w: the restore of a snapshot into %s did not end; remove %s and restore again", ErrCorrupt, dir, staging)
	}
	if disk.Exists(fsys, fsys.PathJoin(dir, dataName)) {
		return fmt.Errorf("%w: %s holds data but no %s file; restore the directory from a snapshot", ErrCorrupt, dir, markerName)
	}
	path := fsys.PathJoin(dir, markerName)
	if err := disk.WriteFile(fsys, path+".new", strconv.Itoa(Format)+"\n"); err != nil {
		return fmt.Errorf("writing format marker: %w", err)
	}
	if err := fsys.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing format marker: %w", err)
	}
	return disk.SyncDir(fsys, dir)
}

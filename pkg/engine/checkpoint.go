// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// A checkpoint is a directory beside that of Pebble with links to its files, made
// for a snapshot and removed behind it.
const checkpointPrefix = "checkpoint-"

// sourceFile is a file that goes into a snapshot.
type sourceFile struct {
	// name is its name in the snapshot, with slashes.
	name, path string
	// size is how much of it there is to copy; -1 is all of it.
	size int64
}

// checkpoint makes a checkpoint and returns its files. Writers go on meanwhile.
// The directory is to be removed by the caller, also after an error.
func (e *Engine) checkpoint() (dir string, files []sourceFile, err error) {
	fsys := e.config.FS
	dir = fsys.PathJoin(e.config.Dir, fmt.Sprint(checkpointPrefix, e.snapshots.Add(1)))
	if err := e.db.Checkpoint(dir); err != nil {
		return dir, nil, fmt.Errorf("making a checkpoint: %w", err)
	}
	files, err = dataFiles(fsys, dir)
	if err == nil {
		err = cutLog(fsys, dir, files)
	}
	return dir, files, err
}

// removeCheckpoints removes what a snapshot leaves when its process is killed.
func (e *Engine) removeCheckpoints() error {
	if e.config.ReadOnly {
		return nil
	}
	fsys := e.config.FS
	names, err := fsys.List(e.config.Dir)
	if err != nil {
		return fmt.Errorf("looking for old checkpoints: %w", err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, checkpointPrefix) {
			continue
		}
		if err := fsys.RemoveAll(fsys.PathJoin(e.config.Dir, name)); err != nil {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
	}
	return nil
}

// dataFiles returns the files of Pebble in a directory that make up the data.
func dataFiles(fsys vfs.FS, dir string) ([]sourceFile, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("listing files: %w", err)
	}
	var files []sourceFile
	for _, name := range names {
		if name == "LOCK" || strings.HasSuffix(name, ".dbtmp") {
			continue
		}
		path := fsys.PathJoin(dir, name)
		info, err := fsys.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("listing files: %w", err)
		}
		files = append(files, sourceFile{name: dataName + "/" + name, path: path, size: info.Size()})
	}
	return files, nil
}

// cutLog cuts the newest log to its whole records. Pebble copies it while it is
// written to: behind the records that were there at the beginning the copy may
// have a hole and then newer ones, which Pebble would take for damage when it is
// opened (cockroachdb/pebble issue 5142). What was acknowledged before the copy is
// in front of it.
func cutLog(fsys vfs.FS, dir string, files []sourceFile) error {
	logs, err := wal.Scan(wal.Dir{FS: fsys, Dirname: dir})
	if err != nil {
		return fmt.Errorf("looking for logs: %w", err)
	}
	if len(logs) == 0 {
		return nil
	}
	newest := logs[len(logs)-1]
	_, path := newest.SegmentLocation(newest.NumSegments() - 1)
	whole, err := wholeRecords(newest)
	if err != nil {
		return fmt.Errorf("reading the copy of the log %s: %w", path, err)
	}
	for i := range files {
		if files[i].path == path {
			files[i].size = whole
		}
	}
	return nil
}

// wholeRecords returns how many bytes of a log hold whole records.
func wholeRecords(log wal.LogicalLog) (int64, error) {
	reader := log.OpenForRead()
	for {
		_, at, err := reader.NextRecord()
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, record.ErrUnexpectedEOF), errors.Is(err, record.ErrInvalidChunk), errors.Is(err, record.ErrZeroedChunk):
			return at.Physical, reader.Close()
		default:
			return 0, errors.Join(err, reader.Close())
		}
	}
}

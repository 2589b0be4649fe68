// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/archive"
)

// SnapshotInfo is the header of a snapshot.
type SnapshotInfo struct {
	// SnapshotFormat is the version of the form of the file, Format that of the
	// data in it.
	SnapshotFormat int `json:"snapshotFormat"`
	Format         int `json:"dataFormat"`
	// Time is when the snapshot was begun. If the clock has jumped it is the earlier
	// time, from which Restore counts more.
	Time time.Time `json:"time"`
	// Revision was the newest revision then. The snapshot has everything up to it,
	// and may have what was written right after it.
	Revision Revision `json:"revision"`
	// Keys and Bytes are those of Stats at that time.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
}

// SnapshotFormat is the version of the form of snapshots. It is raised when an
// older build could not read what is written.
const SnapshotFormat = 1

// Snapshot writes a copy of the data directory that Restore reads: everything
// that was acknowledged before the call. Writes go on meanwhile. As long as it is
// written, the files that it needs stay on the disk.
//
// It returns ErrLowSpace while writes are refused for lack of space, and ends with
// it when that begins: the files that it holds on to may be the reason.
func (e *Engine) Snapshot(ctx context.Context, w io.Writer) (_ SnapshotInfo, err error) {
	if err := e.inFlight.begin(); err != nil {
		return SnapshotInfo{}, err
	}
	defer e.inFlight.end()
	if err := e.mayCopy(ctx); err != nil {
		return SnapshotInfo{}, err
	}
	format, err := readMarker(e.config.FS, e.config.Dir)
	if err != nil {
		return SnapshotInfo{}, err
	}
	counted := e.publishedCounters.Load()
	info := SnapshotInfo{
		SnapshotFormat: SnapshotFormat, Format: format, Time: timeOf(e.now()).UTC(),
		Revision: e.Revision(), Keys: counted.keys, Bytes: counted.bytes,
	}
	files, remove, err := e.sources()
	defer func() { err = errors.Join(err, remove()) }()
	if err == nil {
		err = e.writeSnapshot(ctx, w, info, files)
	}
	return info, wrap("making a snapshot", err)
}

// mayCopy returns why a snapshot must not go on, or nil.
func (e *Engine) mayCopy(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stopping:
		return ErrClosed
	default:
	}
	if e.space.Refusing() {
		return ErrLowSpace
	}
	return nil
}

// sources returns the files for a snapshot, which do not change until remove is
// called. Nothing changes the files of an engine that only reads.
func (e *Engine) sources() (files []sourceFile, remove func() error, err error) {
	fsys := e.config.FS
	remove = func() error { return nil }
	if e.config.ReadOnly {
		files, err = dataFiles(fsys, fsys.PathJoin(e.config.Dir, dataName))
	} else {
		var dir string
		dir, files, err = e.checkpoint()
		remove = func() error { return wrap("removing a checkpoint", fsys.RemoveAll(dir)) }
	}
	if err != nil {
		return nil, remove, err
	}
	others, err := otherFiles(fsys, e.config.Dir)
	return append(others, files...), remove, err
}

// otherFiles returns the files in a data directory itself: FORMAT, and what those
// above the engine keep there.
func otherFiles(fsys vfs.FS, dir string) ([]sourceFile, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("listing files: %w", err)
	}
	var files []sourceFile
	for _, name := range names {
		path := fsys.PathJoin(dir, name)
		info, err := fsys.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another snapshot's
		}
		if err != nil {
			return nil, fmt.Errorf("listing files: %w", err)
		}
		if info.Mode().IsRegular() && mayBeInSnapshot(name) {
			// It may be replaced until it is opened.
			files = append(files, sourceFile{name: name, path: path, size: -1})
		}
	}
	return files, nil
}

// mayBeInSnapshot reports whether a file is one of the data directory, by its name
// in a snapshot: there is one directory, and nothing half written or hidden.
func mayBeInSnapshot(name string) bool {
	base := strings.TrimPrefix(name, dataName+"/")
	return base != "" && base != "." && base != ".." && base[0] != '.' && !strings.ContainsAny(base, "/\\\x00") &&
		!strings.HasSuffix(base, ".new") && !strings.HasSuffix(base, ".tmp") && name != archive.HeaderName && name != archive.SumsName
}

func (e *Engine) writeSnapshot(ctx context.Context, w io.Writer, info SnapshotInfo, files []sourceFile) error {
	header, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", archive.HeaderName, err)
	}
	writer, err := archive.NewWriter(w, info.Time, append(header, '\n'))
	if err != nil {
		return err
	}
	for _, source := range files {
		if err := e.addSource(ctx, writer, source); err != nil {
			return err
		}
	}
	return writer.Close()
}

// decode reads the header of a snapshot. It returns ErrNewerFormat for one that
// this build cannot read.
func (i *SnapshotInfo) decode(header []byte) error {
	if err := json.Unmarshal(header, i); err != nil || i.SnapshotFormat < 1 || i.Format < 1 {
		return fmt.Errorf("%w: %s cannot be read", ErrSnapshot, archive.HeaderName)
	}
	if i.SnapshotFormat > SnapshotFormat {
		return fmt.Errorf("%w: the snapshot has format %d, this build knows up to %d; restore it with the version that made it",
			ErrNewerFormat, i.SnapshotFormat, SnapshotFormat)
	}
	return knownFormat("the snapshot's data directory", i.Format)
}

func (e *Engine) addSource(ctx context.Context, writer *archive.Writer, source sourceFile) error {
	file, err := e.config.FS.Open(source.path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	if source.size < 0 {
		info, err := file.Stat()
		if err != nil {
			return errors.Join(err, file.Close())
		}
		source.size = info.Size()
	}
	limited := io.LimitReader(file, source.size)
	err = writer.Add(source.name, source.size, readerFunc(func(p []byte) (int, error) {
		if err := e.mayCopy(ctx); err != nil {
			return 0, err
		}
		return limited.Read(p)
	}))
	return errors.Join(err, file.Close())
}

// readerFunc is an io.Reader.
type readerFunc func(p []byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

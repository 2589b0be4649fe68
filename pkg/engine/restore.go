// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/archive"
	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// Revisions of a restored store begin above all that clients may have seen since
// the snapshot: those given out between the snapshot and its restore, and, if it is
// not the first restore of that snapshot, those given out after the one before. As
// many are left out as could have been given out: mostWritesPerSecond for as long
// as the snapshot is old, and for restoreSlack more, since clocks differ. They are
// not moved further than that: whoever takes the clients over from this store, such
// as an etcd, makes them wait until it has got as far.
//
// The compact revision is put there as well, so that whoever asks to go on from a revision
// of before gets ErrCompacted.
const (
	// mostWritesPerSecond is above the rate of any engine: the highest that was
	// measured is below 60,000 per second, see docs/storage.md.
	mostWritesPerSecond = 100_000
	restoreSlack        = 2 * time.Minute
)

// stagingName is the directory in a data directory in which a restore puts things
// together.
const stagingName = "restore.tmp"

// RestoreConfig is where to restore to.
type RestoreConfig struct {
	// Dir is the data directory, which must be empty or absent. A directory
	// lost+found does not count.
	Dir string
	// FS is the file system; nil is the machine's.
	FS vfs.FS
	// Now is the clock, default time.Now. It should agree with the one by which
	// the snapshot was made.
	Now func() time.Time
}

// Restored is what Restore has made.
type Restored struct {
	SnapshotInfo
	// Last is the newest revision in the snapshot, which is SnapshotInfo.Revision
	// or a little more.
	Last Revision
	// Revision is the one that the store has now. Its next write gets the one
	// behind it.
	Revision Revision
}

// Restore makes a data directory of a snapshot. Until all of the snapshot has
// been read and its checksums are right, the directory holds nothing that Open
// would take for data; after an error everything is removed again. It returns
// ErrNotEmpty, ErrSnapshot or ErrNewerFormat for what cannot be restored.
//
// Revisions go on above all that clients may have seen, and the compact revision is
// there: see mostWritesPerSecond.
func Restore(ctx context.Context, config RestoreConfig, r io.Reader) (Restored, error) {
	if config.FS == nil {
		config.FS = vfs.Default
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	restore := &restore{RestoreConfig: config, staging: config.FS.PathJoin(config.Dir, stagingName)}
	restored, err := restore.run(ctx, r)
	if err != nil {
		return Restored{}, fmt.Errorf("restoring into %s: %w", config.Dir, errors.Join(err, restore.undo()))
	}
	return restored, nil
}

// VerifySnapshot reads a snapshot to its end and returns its
// header. It returns the errors of Restore for a file that cannot be restored:
// ErrSnapshot if it is not whole, or ErrNewerFormat.
func VerifySnapshot(ctx context.Context, r io.Reader) (SnapshotInfo, error) {
	return readWhile(ctx, r, func(string) (io.WriteCloser, error) { return nowhere{}, nil })
}

// readWhile reads a snapshot to its end, or until ctx ends. It returns ErrSnapshot
// when the snapshot is not whole, and ErrNewerFormat before the first file when this
// build cannot read it.
func readWhile(ctx context.Context, from io.Reader, create func(name string) (io.WriteCloser, error)) (SnapshotInfo, error) {
	var info SnapshotInfo
	err := archive.Read(readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return from.Read(p)
	}), archive.Contents{Header: info.decode, Allowed: mayBeInSnapshot, Required: markerName, Create: create})
	if ctx.Err() != nil {
		return SnapshotInfo{}, ctx.Err()
	}
	if err != nil {
		return SnapshotInfo{}, err
	}
	return info, nil
}

// nowhere is a file that keeps nothing.
type nowhere struct{}

// Write does nothing.
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// Close does nothing.
func (nowhere) Close() error { return nil }

type restore struct {
	RestoreConfig
	staging string
	// made are the directories that were made, to be removed if nothing comes of
	// it.
	made []string
}

func (r *restore) run(ctx context.Context, from io.Reader) (Restored, error) {
	if err := r.begin(); err != nil {
		return Restored{}, err
	}
	info, err := readWhile(ctx, from, r.create)
	if err != nil {
		return Restored{}, err
	}
	restored, err := r.moveOn(info)
	if err != nil {
		return Restored{}, err
	}
	return restored, r.finish()
}

// begin sees that nothing is there and makes the directories.
func (r *restore) begin() error {
	names, err := r.FS.List(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if slices.Contains(names, stagingName) {
		return fmt.Errorf("%w: %s is there: another restore is running, or was interrupted; in that case remove it",
			ErrNotEmpty, r.staging)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "lost+found" })
	if len(names) > 0 {
		return fmt.Errorf("%w: %s is there; move it away, or choose another directory", ErrNotEmpty, r.FS.PathJoin(r.Dir, names[0]))
	}
	for dir := r.Dir; !disk.Exists(r.FS, dir); dir = r.FS.PathDir(dir) {
		r.made = append(r.made, dir)
	}
	r.made = append([]string{r.staging}, r.made...)
	return disk.MakeDir(r.FS, r.FS.PathJoin(r.staging, dataName))
}

func (r *restore) create(name string) (io.WriteCloser, error) {
	file, err := r.FS.Create(r.FS.PathJoin(append([]string{r.staging}, strings.Split(name, "/")...)...), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return disk.SyncedFile{File: file}, nil
}

// moveOn opens what was unpacked, which is a data directory by now, and raises its
// revision and its compact revision.
func (r *restore) moveOn(info SnapshotInfo) (Restored, error) {
	for _, dir := range []string{r.FS.PathJoin(r.staging, dataName), r.staging} {
		if err := disk.SyncDir(r.FS, dir); err != nil {
			return Restored{}, err
		}
	}
	e, err := Open(Config{Dir: r.staging, FS: r.FS, Now: r.Now, KeepIndexes: true, MinFreeBytes: -1, manual: true})
	if err != nil {
		return Restored{}, err
	}
	last := e.Revision()
	next := last + possibleWrites(r.Now().Sub(info.Time))
	return Restored{SnapshotInfo: info, Last: last, Revision: next}, errors.Join(e.raise(next, r.Now()), e.Close())
}

// possibleWrites is how many revisions may have been given out since a snapshot
// that is so old by the clocks.
func possibleWrites(age time.Duration) Revision {
	seconds := (max(age, 0) + restoreSlack).Seconds()
	return Revision(math.Ceil(seconds * mostWritesPerSecond))
}

// raise makes a revision the newest one and the oldest that can be read, once the
// engine is opened again. The time since the snapshot then is no jump of the clock:
// who restores an old one wants what has expired to go. Compaction removes later what
// no revision shows any more, as it does after a crash.
func (e *Engine) raise(to Revision, now time.Time) error {
	batch := e.db.NewBatch()
	err := errors.Join(setMeta(batch, metaCompactRevision, uint64(to)), setMeta(batch, metaClock, deadlineOf(now)))
	if err == nil {
		err = e.db.Apply(batch, pebble.Sync)
	}
	return wrap("raising the revision", errors.Join(err, batch.Close()))
}

// finish moves everything to its place. Without FORMAT, which is the last, Open
// refuses the directory.
func (r *restore) finish() error {
	names, err := r.FS.List(r.staging)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == markerName })
	for _, name := range append(names, markerName) {
		if err := r.FS.Rename(r.FS.PathJoin(r.staging, name), r.FS.PathJoin(r.Dir, name)); err != nil {
			return err
		}
		if err := disk.SyncDir(r.FS, r.Dir); err != nil {
			return err
		}
	}
	if err := r.FS.Remove(r.staging); err != nil {
		return err
	}
	return disk.SyncDir(r.FS, r.Dir)
}

// undo removes what was made.
func (r *restore) undo() error {
	if len(r.made) == 0 {
		return nil
	}
	err := r.FS.RemoveAll(r.staging)
	for _, dir := range r.made[1:] {
		err = errors.Join(err, r.FS.Remove(dir))
	}
	return err
}

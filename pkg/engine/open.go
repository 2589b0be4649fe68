// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// Open opens the data directory of the config, or makes it. It returns
// ErrLocked, ErrNewerFormat or ErrCorrupt for a directory that it must not or
// cannot use, and ErrNoData if there must be data and is none. Its time does not
// grow with the amount of data.
func Open(config Config) (*Engine, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	fsys := config.FS
	dataDir := fsys.PathJoin(config.Dir, dataName)
	prepare := prepareDir
	if config.KeepIndexes {
		prepare = findData
	}
	if err := prepare(fsys, config.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(fsys, dataDir)
	if err != nil {
		return nil, err
	}
	e := newEngine(config)
	if err := checkMarker(fsys, dataDir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := e.openWithin(dataDir, lock); err != nil {
		return nil, err
	}
	e.lock = lock
	e.start()
	return e, nil
}

// openTimeout is how long Open waits for room on the disk.
const openTimeout = 2 * time.Second

// openWithin opens the data, or closes the lock. Pebble writes what it finds
// in its log to files, and on a full disk would not return before it could. Who
// opens is to be told instead; what was begun is ended when there is room.
func (e *Engine) openWithin(dir string, lock *pebble.Lock) error {
	opened := make(chan error, 1)
	go func() { opened <- e.openData(dir, lock) }()
	ticker := time.NewTicker(disk.RetryInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-opened:
			if err != nil {
				return errors.Join(err, lock.Close())
			}
			return nil
		case <-ticker.C:
		}
		if e.retry.FullFor() < openTimeout {
			continue
		}
		go func() {
			if <-opened == nil {
				_ = e.db.Close()
			}
			_ = lock.Close()
		}()
		return fmt.Errorf("opening %s: %w; make room and start again, nothing that is in it is lost", dir, ErrDiskFull)
	}
}

// prepareDir makes what a data directory has, as far as it is missing.
func prepareDir(fsys vfs.FS, dir string) error {
	if err := disk.MakeDir(fsys, dir); err != nil {
		return fmt.Errorf("making data directory: %w", err)
	}
	if err := checkFormat(fsys, dir); err != nil {
		return err
	}
	if err := disk.MakeDir(fsys, fsys.PathJoin(dir, dataName)); err != nil {
		return fmt.Errorf("making data directory: %w", err)
	}
	return nil
}

// findData makes nothing and returns ErrNoData where data is missing.
func findData(fsys vfs.FS, dir string) error {
	found, err := readMarker(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s has no file %s", ErrNoData, dir, markerName)
	}
	if err != nil {
		return err
	}
	return knownFormat(dir, found)
}

func lockDir(fsys vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fsys)
	switch {
	case err == nil:
		return lock, nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOSPC):
		return nil, fmt.Errorf("locking data directory %s: %w", dir, err)
	default:
		return nil, fmt.Errorf("%w: %s; stop that process or use another directory (%w)", ErrLocked, dir, err)
	}
}

// checkMarker refuses a directory that has lost the file by whose name Pebble
// finds its list of files. That file is empty, and some programs that copy leave
// such files out. Pebble would take the directory for a new one, and remove what
// it does not know.
func checkMarker(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("reading data directory %s: %w", dir, err)
	}
	marked := slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "marker.manifest.") })
	used := slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".log") })
	if used && !marked {
		return fmt.Errorf("%w: %s holds data but no marker.manifest file; restore the directory from a snapshot, or move it away to start with an empty one",
			ErrCorrupt, dir)
	}
	return nil
}

// openData opens Pebble and reads the meta rows, which have the state of the engine.
func (e *Engine) openData(dir string, lock *pebble.Lock) error {
	if err := e.removeCheckpoints(); err != nil {
		return err
	}
	db, err := pebble.Open(dir, e.pebbleOptions(lock))
	if err != nil {
		return openError(dir, err)
	}
	e.db = db
	if err := e.load(); err != nil {
		err = openError(dir, err)
		if e.config.ReadOnly {
			// A reader wants to know everything that is damaged.
			damaged, lookErr := e.damagedFiles(context.Background(), func(int) {})
			err = errors.Join(append([]error{err, lookErr}, damaged...)...)
		}
		return errors.Join(err, db.Close())
	}
	return nil
}

// openError adds what to do to an error about a full disk, and to one about
// files that are damaged or gone; Pebble's message names the file. That is every
// error but those of the operating system, which may keep us from files that are
// well.
func openError(dir string, err error) error {
	if disk.IsFull(err) {
		return fmt.Errorf("opening %s: %w: %w; make room and start again, nothing that is in it is lost", dir, ErrLowSpace, err)
	}
	err = namingFile(err)
	var refused syscall.Errno
	if errors.As(err, &refused) && refused != syscall.ENOENT {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	return fmt.Errorf("%w: opening %s: %w%s; restore the directory from a snapshot, or move it away to start with an empty one",
		ErrCorrupt, dir, err, openDetail(err))
}

// openDetail is what Pebble's message leaves out, such as the number of the log
// that is damaged.
func openDetail(err error) string {
	var detailed interface{ ErrorDetail() string }
	if !errors.As(err, &detailed) {
		return ""
	}
	return " (" + detailed.ErrorDetail() + ")"
}

// namingFile puts the path of a damaged file into an error that carries it beside
// its text.
func namingFile(err error) error {
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%w: file %s: %w", ErrCorrupt, info.Path, info.Details)
	}
	return err
}

// load reads revisions, counters and indexes.
func (e *Engine) load() error {
	compactRevision, err := readMetaNumber(e.db, metaCompactRevision)
	if err != nil {
		return err
	}
	compacted, err := readMetaNumber(e.db, metaCompacted)
	if err != nil {
		return err
	}
	last, err := e.lastChange()
	if err != nil {
		return err
	}
	// Change rows up to compacted may be gone, which makes it the floor.
	e.last = max(last, Revision(compacted), Revision(compactRevision))
	e.compacted = Revision(compacted)
	e.compactRevision.Store(compactRevision)
	e.published.Store(uint64(e.last))
	e.changes.start(e.last)

	counters, err := readMeta(e.db, metaCounters)
	if err != nil {
		return err
	}
	if len(counters) == 2 {
		e.counted = countersOf(counters)
		counted := e.counted
		e.publishedCounters.Store(&counted)
	}
	if err := errors.Join(e.loadClock(), e.loadIndexes(), e.countLowCardinality()); err != nil {
		return err
	}
	return e.leaveFirstLog()
}

// leaveFirstLog lets an empty store begin another log. Pebble begins the first
// one of a directory before it sets the format, and in such a log it takes damage
// for the end: what comes after would be lost without a word.
func (e *Engine) leaveFirstLog() error {
	if e.last != firstRevision || e.config.ReadOnly {
		return nil
	}
	return wrap("beginning a log", e.db.Flush())
}

// lastChange returns the revision of the last change row, or 0.
func (e *Engine) lastChange() (Revision, error) {
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceChange}, UpperBound: spaceEnd(spaceChange)})
	if err != nil {
		return 0, fmt.Errorf("looking for the last revision: %w", err)
	}
	var last Revision
	if iter.Last() {
		last, err = decodeChangeKey(iter.Key())
	}
	if err := errors.Join(err, iter.Close()); err != nil {
		return 0, fmt.Errorf("looking for the last revision: %w", err)
	}
	return last, nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// patienceStep is after how long an operation that found the disk full tries
	// again.
	patienceStep = 200 * time.Millisecond
	// littleRest is how long no files are merged after there was no room for it.
	littleRest = 5 * time.Second
)

// patientFS makes Pebble wait for room where the disk is full. Left alone,
// Pebble gives up on its log, which stops the engine for good; tries a flush
// again and again without a break, with writers waiting behind it; and panics
// when it cannot begin a new log.
//
// An fsync is not tried again: the system may have dropped what it could not
// write, and a second fsync would not tell.
type patientFS struct {
	vfs.FS
	room *roomWatch
}

// Unwrap implements vfs.FS.
func (p *patientFS) Unwrap() vfs.FS { return p.FS }

// Create implements vfs.FS.
func (p *patientFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(category, func() (vfs.File, error) { return p.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (p *patientFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(category, func() (vfs.File, error) { return p.FS.ReuseForWrite(oldname, newname, category) })
}

func (p *patientFS) open(category vfs.DiskWriteCategory, open func() (vfs.File, error)) (vfs.File, error) {
	patience := patienceFor(category)
	if patience == littlePatience {
		p.room.rest()
	}
	var file vfs.File
	err := p.room.try(patience, func() (err error) {
		file, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &patientFile{File: file, room: p.room, patience: patience}, nil
}

// patientFile waits like its file system.
type patientFile struct {
	vfs.File
	room     *roomWatch
	patience patience
}

// Write implements vfs.File. What a full disk took of p is not written again.
func (f *patientFile) Write(p []byte) (n int, err error) {
	err = f.room.try(f.patience, func() error {
		written, err := f.File.Write(p[n:])
		n += written
		return err
	})
	return n, err
}

// patience is how an operation meets a full disk.
type patience int

const (
	// noPatience is for what somebody asked for and waits for, a snapshot for
	// instance.
	noPatience patience = iota
	// littlePatience is for merging files. It must fail, so that its output,
	// which takes the room that more urgent work needs, is removed; but it must
	// not be tried again without a rest.
	littlePatience
	// allPatience is for what must succeed before anything can be written.
	allPatience
)

// patienceFor knows Pebble's names for what a file is for.
func patienceFor(category vfs.DiskWriteCategory) patience {
	switch category {
	case "pebble-wal", "pebble-manifest", "pebble-memtable-flush":
		return allPatience
	case "pebble-compaction", "pebble-blob-file-rewrite":
		return littlePatience
	default:
		return noPatience
	}
}

// roomWatch knows whether something waits for room on the disk.
type roomWatch struct {
	// changed is called when the first operation begins to wait and when the
	// last one has room.
	changed func(waiting bool)

	mu      sync.Mutex
	waiting int
	since   time.Time
	// full is closed while something waits.
	full chan struct{}
	// restUntil is when files may be merged again.
	restUntil time.Time
}

func newRoomWatch(changed func(waiting bool)) *roomWatch {
	return &roomWatch{changed: changed, full: make(chan struct{})}
}

// try carries out an operation, as often as patience demands.
func (r *roomWatch) try(patience patience, operation func() error) error {
	err := operation()
	if !isFull(err) || patience == noPatience {
		return err
	}
	if patience == littlePatience {
		r.tired()
		return err
	}
	r.begin()
	defer r.end()
	for isFull(err) {
		<-time.After(patienceStep)
		err = operation()
	}
	return err
}

// tired is called when there was no room for merging files.
func (r *roomWatch) tired() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restUntil = time.Now().Add(littleRest)
}

// rest waits until files may be merged again.
func (r *roomWatch) rest() {
	r.mu.Lock()
	left := time.Until(r.restUntil)
	r.mu.Unlock()
	if left > 0 {
		<-time.After(left)
	}
}

func (r *roomWatch) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting++; r.waiting == 1 {
		r.since = time.Now()
		close(r.full)
		r.changed(true)
	}
}

func (r *roomWatch) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		r.full = make(chan struct{})
		r.changed(false)
	}
}

// lacking returns a channel that is closed while, or once, something waits.
func (r *roomWatch) lacking() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

// lackingFor returns for how long something has been waiting.
func (r *roomWatch) lackingFor() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == 0 {
		return 0
	}
	return time.Since(r.since)
}

// isFull reports whether an error says that there is no room, on the disk or
// in the share of it that this process may use.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

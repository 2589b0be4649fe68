// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull is returned for what was under way when the disk ran full: a write,
// opening, closing. It may still complete when there is space again.
var ErrFull = errors.New("disk is full")

const (
	// RetryInterval is how long an operation that found the disk full waits before
	// it is tried again.
	RetryInterval = 200 * time.Millisecond
	// CompactionPause is how long no compaction begins after one found no space.
	CompactionPause = 5 * time.Second
)

// FS retries what Pebble writes while the disk is full. Left alone, Pebble gives
// up on its WAL, which stops the engine for good; retries a flush in a busy loop,
// with writers waiting behind it; and panics when it cannot create a new WAL.
//
// An fsync is not retried: the kernel may have dropped the pages that it could
// not write, and a second fsync would not report that.
type FS struct {
	vfs.FS
	retry *Retry
}

// NewFS returns fs with writes that are retried.
func NewFS(fs vfs.FS, retry *Retry) *FS { return &FS{FS: fs, retry: retry} }

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return f.FS }

// Create implements vfs.FS.
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(category, func() (vfs.File, error) { return f.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open(category, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

func (f *FS) open(category vfs.DiskWriteCategory, open func() (vfs.File, error)) (vfs.File, error) {
	policy := policyFor(category)
	if policy == failAndPause {
		f.retry.waitForPause()
	}
	var opened vfs.File
	err := f.retry.do(policy, func() (err error) {
		opened, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{File: opened, retry: f.retry, policy: policy}, nil
}

// file is one whose writes are retried.
type file struct {
	vfs.File
	retry  *Retry
	policy policy
}

// Write implements vfs.File. A retry writes only the rest of p.
func (f *file) Write(p []byte) (n int, err error) {
	err = f.retry.do(f.policy, func() error {
		written, err := f.File.Write(p[n:])
		n += written
		return err
	})
	return n, err
}

// policy is what happens to an operation that finds the disk full.
type policy int

const (
	// fail is for what a caller waits for, such as a snapshot.
	fail policy = iota
	// failAndPause is for compactions. They must fail, so that their output, which
	// takes the space that more urgent work needs, is removed; but Pebble must not
	// retry them at once.
	failAndPause
	// retryForever is for what must succeed before anything else can be written.
	retryForever
)

// policyFor knows Pebble's names for what a file is written for.
func policyFor(category vfs.DiskWriteCategory) policy {
	switch category {
	case "pebble-wal", "pebble-manifest", "pebble-memtable-flush":
		return retryForever
	case "pebble-compaction", "pebble-blob-file-rewrite":
		return failAndPause
	default:
		return fail
	}
}

// Retry retries operations while the disk is full, and knows whether any is
// waiting for space.
type Retry struct {
	// changed is called when the first operation begins to wait and when the
	// last one has completed.
	changed func(waiting bool)

	mu      sync.Mutex
	waiting int
	since   time.Time
	// full is closed while an operation waits.
	full chan struct{}
	// pauseEnd is when compactions may begin again.
	pauseEnd time.Time
}

// NewRetry returns a Retry that calls changed when operations begin to wait for
// space, and when none does any more.
func NewRetry(changed func(waiting bool)) *Retry {
	return &Retry{changed: changed, full: make(chan struct{})}
}

// do runs the operation as often as the policy demands.
func (r *Retry) do(policy policy, operation func() error) error {
	err := operation()
	if !IsFull(err) || policy == fail {
		return err
	}
	if policy == failAndPause {
		r.beginPause()
		return err
	}
	r.begin()
	defer r.end()
	for IsFull(err) {
		<-time.After(RetryInterval)
		err = operation()
	}
	return err
}

func (r *Retry) beginPause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauseEnd = time.Now().Add(CompactionPause)
}

func (r *Retry) waitForPause() {
	r.mu.Lock()
	left := time.Until(r.pauseEnd)
	r.mu.Unlock()
	if left > 0 {
		<-time.After(left)
	}
}

func (r *Retry) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting++; r.waiting == 1 {
		r.since = time.Now()
		close(r.full)
		r.changed(true)
	}
}

func (r *Retry) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		r.full = make(chan struct{})
		r.changed(false)
	}
}

// Full returns a channel that is closed while, or as soon as, an operation waits
// for space.
func (r *Retry) Full() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

// FullFor returns for how long operations have been waiting for space; 0 if none
// is.
func (r *Retry) FullFor() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == 0 {
		return 0
	}
	return time.Since(r.since)
}

// IsFull reports whether the error is about missing space, on the disk or in the
// quota of this process.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// smallDisk is a file system in memory with so much room for the contents of
// files and no more.
type smallDisk struct {
	vfs.FS

	mu             sync.Mutex
	capacity, used int64
}

func newSmallDisk(capacity int64) *smallDisk {
	return &smallDisk{FS: vfs.NewMem(), capacity: capacity}
}

// leave makes so much room and no more, whatever is there.
func (d *smallDisk) leave(free int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = d.used + free
}

// clone copies the disk as it is, without the locks on it.
func (d *smallDisk) clone(t *testing.T) *smallDisk {
	t.Helper()
	copied := newSmallDisk(0)
	if _, err := vfs.Clone(d.FS, copied.FS, "data", "data"); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	copied.capacity, copied.used = d.capacity, d.used
	return copied
}

// take returns how many of n bytes there is room for.
func (d *smallDisk) take(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = int(min(int64(n), max(d.capacity-d.used, 0)))
	d.used += int64(n)
	return n
}

// release must be called before a file loses its name.
func (d *smallDisk) release(name string) {
	info, err := d.Stat(name)
	if err != nil || info.IsDir() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= info.Size()
}

func (d *smallDisk) Unwrap() vfs.FS { return d.FS }

func (d *smallDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	d.release(name)
	file, err := d.FS.Create(name, category)
	return &smallFile{file, d}, err
}

// ReuseForWrite makes a new file, which is simpler to account for.
func (d *smallDisk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Remove(oldname); err != nil {
		return nil, err
	}
	return d.Create(newname, category)
}

func (d *smallDisk) Rename(oldname, newname string) error {
	d.release(newname)
	return d.FS.Rename(oldname, newname)
}

func (d *smallDisk) Remove(name string) error {
	d.release(name)
	return d.FS.Remove(name)
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return vfs.DiskUsage{AvailBytes: uint64(max(d.capacity-d.used, 0)), TotalBytes: uint64(d.capacity)}, nil //nolint:gosec // not negative
}

type smallFile struct {
	vfs.File
	disk *smallDisk
}

// Write writes a part, as a real disk does, when there is no room for all.
func (f *smallFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:f.disk.take(len(p))])
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disktest

import (
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Small is a file system in memory with limited space for the contents of files.
type Small struct {
	vfs.FS

	mu             sync.Mutex
	capacity, used int64
}

// NewSmall returns one with so many bytes.
func NewSmall(capacity int64) *Small {
	return &Small{FS: vfs.NewMem(), capacity: capacity}
}

// SetFree leaves so many bytes free, whatever is there.
func (d *Small) SetFree(free int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = d.used + free
}

// Clone copies the directory "data" of the disk, without the locks on it.
func (d *Small) Clone(t *testing.T) *Small {
	t.Helper()
	copied := NewSmall(0)
	if _, err := vfs.Clone(d.FS, copied.FS, "data", "data"); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	copied.capacity, copied.used = d.capacity, d.used
	return copied
}

// take returns how many of n bytes there is space for.
func (d *Small) take(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = int(min(int64(n), max(d.capacity-d.used, 0)))
	d.used += int64(n)
	return n
}

// release must be called before a file loses its name.
func (d *Small) release(name string) {
	info, err := d.Stat(name)
	if err != nil || info.IsDir() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= info.Size()
}

// Unwrap implements vfs.FS.
func (d *Small) Unwrap() vfs.FS { return d.FS }

// Create implements vfs.FS.
func (d *Small) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	d.release(name)
	file, err := d.FS.Create(name, category)
	return &smallFile{file, d}, err
}

// ReuseForWrite makes a new file, which is simpler to account for.
func (d *Small) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Remove(oldname); err != nil {
		return nil, err
	}
	return d.Create(newname, category)
}

// Rename implements vfs.FS.
func (d *Small) Rename(oldname, newname string) error {
	d.release(newname)
	return d.FS.Rename(oldname, newname)
}

// Remove implements vfs.FS.
func (d *Small) Remove(name string) error {
	d.release(name)
	return d.FS.Remove(name)
}

// GetDiskUsage implements vfs.FS.
func (d *Small) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return vfs.DiskUsage{AvailBytes: uint64(max(d.capacity-d.used, 0)), TotalBytes: uint64(d.capacity)}, nil //nolint:gosec // not negative
}

type smallFile struct {
	vfs.File
	disk *Small
}

// Write writes a part, as a real disk does, when there is not enough space.
func (f *smallFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:f.disk.take(len(p))])
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

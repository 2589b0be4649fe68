// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package testserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is a file system with so much room and no more.
type Disk struct {
	// Root is its directory.
	Root string
}

// SmallDisk makes a disk of so many bytes, in memory. It needs the right to
// mount; without that the test is skipped. The disk is mounted nowhere but in an
// open file of this process, so that nothing is left should the test be killed.
func SmallDisk(tb testing.TB, bytes int64) *Disk {
	tb.Helper()
	dir := tb.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		tb.Skipf("a disk that can be filled is needed, and this user may not mount one: %v; run as root", err)
	}
	if err != nil {
		tb.Fatalf("mounting a disk of %d bytes: %v", bytes, err)
	}
	root, err := os.Open(dir)
	if err := errors.Join(err, syscall.Unmount(dir, syscall.MNT_DETACH)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = root.Close() })
	return &Disk{Root: fmt.Sprintf("/proc/self/fd/%d", root.Fd())}
}

// Free returns how many bytes are free.
func (d *Disk) Free(tb testing.TB) int64 {
	tb.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.Root, &stat); err != nil {
		tb.Fatal(err)
	}
	return int64(stat.Bavail) * stat.Bsize //nolint:gosec // no test disk is that large
}

// filler is the file that takes room away.
func (d *Disk) filler() string { return filepath.Join(d.Root, "filler") }

// Fill takes so much more room away, or what there is.
func (d *Disk) Fill(tb testing.TB, bytes int64) {
	tb.Helper()
	file, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	block := make([]byte, 64<<10)
	for left := bytes; left > 0; {
		n, err := file.Write(block[:min(left, int64(len(block)))])
		left -= int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// Clear gives back what Fill has taken.
func (d *Disk) Clear(tb testing.TB) {
	tb.Helper()
	if err := os.Remove(d.filler()); err != nil {
		tb.Fatal(err)
	}
}

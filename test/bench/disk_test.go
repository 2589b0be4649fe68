// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadsSoFar lets the kernel forget a file, and then read it.
func TestReadsSoFar(t *testing.T) {
	dir, size := t.TempDir(), int64(4<<20)
	var system unix.Statfs_t
	if err := unix.Statfs(dir, &system); err != nil {
		t.Fatal(err)
	}
	if system.Type == unix.TMPFS_MAGIC {
		t.Skip("the temporary directory is in memory, not on a disk")
	}
	file := filepath.Join(dir, "forgotten")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	forget(t, file)
	if read := readFromDisk(t, func() error { return cacheFiles(t.Context(), dir) }); read < size {
		t.Errorf("reading a forgotten file of %d bytes read %d bytes from the disk", size, read)
	}
	// Other tests read meanwhile, but not as much.
	if read := readFromDisk(t, func() error { return cacheFile(file) }); read >= size {
		t.Errorf("reading it again read %d bytes from the disk", read)
	}
	if found, err := bytesIn(dir); found != size || err != nil {
		t.Errorf("bytesIn = %d, %v, want %d", found, err, size)
	}
}

func forget(t *testing.T, name string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

func readFromDisk(t *testing.T, read func() error) int64 {
	t.Helper()
	before, err := readsSoFar()
	if err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	after, err := readsSoFar()
	if err != nil {
		t.Fatal(err)
	}
	return after.FromDisk - before.FromDisk
}

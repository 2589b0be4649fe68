// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileReads is what this process has read from files so far.
type fileReads struct {
	// Calls counts the calls of the kernel, FromDisk the bytes that it had to read
	// from the disk for them, which its cache of files did not have.
	Calls, FromDisk int64
}

// readsSoFar reads files itself, always as many times.
func readsSoFar() (fileReads, error) {
	counters, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return fileReads{}, fmt.Errorf("looking what was read from files: %w", err)
	}
	var r fileReads
	if _, err := fmt.Sscanf(string(counters), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\nread_bytes: %d",
		new(int64), new(int64), &r.Calls, new(int64), &r.FromDisk); err != nil {
		return fileReads{}, fmt.Errorf("looking what was read from files: /proc/self/io: %w", err)
	}
	return r, nil
}

// cacheFiles reads all files under a directory, so that the kernel has them in its
// cache. Some machines take memory away from that when it is not used for a while.
func cacheFiles(ctx context.Context, dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return errors.Join(ctx.Err(), cacheFile(path))
	})
	if err != nil {
		return fmt.Errorf("reading the files of %s: %w", dir, err)
	}
	return nil
}

func cacheFile(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		// The store has merged it meanwhile.
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, file)
	return errors.Join(err, file.Close())
}

// bytesIn is the size of all files under a directory.
func bytesIn(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("measuring %s: %w", dir, err)
	}
	return total, nil
}

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
	"strconv"
	"strings"
)

// diskReads is how many bytes this process has had the kernel read from the disk,
// which is what its cache of files did not have.
func diskReads() (int64, error) {
	counters, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, fmt.Errorf("reading how much was read from the disk: %w", err)
	}
	for line := range strings.Lines(string(counters)) {
		if bytes, found := strings.CutPrefix(line, "read_bytes: "); found {
			return strconv.ParseInt(strings.TrimSpace(bytes), 10, 64)
		}
	}
	return 0, errors.New("reading how much was read from the disk: /proc/self/io does not say")
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

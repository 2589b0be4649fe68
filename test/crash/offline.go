// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// checkCopy opens a copy of a data directory that no process uses and verifies
// it: that all rows are there that belong together. The copy is removed.
func checkCopy(ctx context.Context, dataDir, copyDir string) error {
	if err := copyTree(dataDir, copyDir); err != nil {
		return err
	}
	if err := errors.Join(check(ctx, copyDir), os.RemoveAll(copyDir)); err != nil {
		return fmt.Errorf("checking a copy of the data directory: %w", err)
	}
	return nil
}

func check(ctx context.Context, dir string) error {
	config := engine.Config{Dir: dir, Retention: -1}
	for _, field := range indexedFields() {
		config.Indexes = append(config.Indexes, engine.Index{Name: field, Values: noValues})
	}
	opened, err := engine.Open(config)
	if err != nil {
		return err
	}
	return errors.Join(opened.Check(ctx), opened.Close())
}

// noValues is not called for what the server wrote: its rows tell their values.
func noValues(key, _ []byte) ([][]byte, error) {
	return nil, fmt.Errorf("%q was written without its index values", key)
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

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
	"os/exec"
	"path/filepath"
)

// checkCopy verifies a copy of a data directory with the server's check command, and removes
// the copy.
func checkCopy(ctx context.Context, binary, dataDir, copyDir string) error {
	if err := copyTree(dataDir, copyDir); err != nil {
		return fmt.Errorf("copying the data directory: %w", err)
	}
	return errors.Join(check(ctx, binary, copyDir), os.RemoveAll(copyDir))
}

func check(ctx context.Context, binary, dir string) error {
	printed, err := exec.CommandContext(ctx, binary, "check", "--data-dir="+dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("checking the data directory: %w:\n%s", err, printed)
	}
	return nil
}

// copyTree copies directories and files. The socket of a server that was killed is
// left out.
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
		if !entry.Type().IsRegular() {
			return nil
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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// damagedFiles verifies the checksums of all files with sorted data. Reading the
// rows would find the first damaged file of each space only. It returns an
// ErrCorrupt for each such file; the error is about the looking itself.
func (e *Engine) damagedFiles(ctx context.Context, progress func(files int)) (damaged []error, err error) {
	levels, err := e.db.SSTables()
	if err != nil {
		return nil, fmt.Errorf("looking for files: %w", err)
	}
	verified := map[string]bool{}
	for _, level := range levels {
		for i := range level {
			if err := ctx.Err(); err != nil {
				return damaged, err
			}
			name := level[i].BackingSSTNum.String() + ".sst"
			if verified[name] {
				continue
			}
			verified[name] = true
			path := e.config.FS.PathJoin(e.config.Dir, dataName, name)
			if err := verifyFile(ctx, e.config.FS, path, e.tableOptions()); err != nil {
				damaged = append(damaged, fmt.Errorf("%w: file %s: %w", ErrCorrupt, path, err))
			}
			progress(len(verified))
		}
	}
	return damaged, nil
}

func verifyFile(ctx context.Context, fsys vfs.FS, path string, options sstable.ReaderOptions) error {
	file, err := fsys.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	reader, err := sstable.NewReader(ctx, readable, options)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(reader.ValidateBlockChecksums(), reader.Close())
}

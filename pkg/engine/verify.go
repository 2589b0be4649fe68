// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// Verification is what Verify does beside what it always does. The zero value
// is of use.
type Verification struct {
	// Record is called for each version that is stored, older ones and expired
	// ones too, in the order of the keys. The record is valid during the call
	// only. An error is a problem of the data, unless it is ErrOpaque.
	Record func(Record) error
	// Progress is called now and then with what is being read, and how many rows or
	// files of it have been.
	Progress func(reading string, done int64)
	// MostProblems is how many problems are reported, default 100.
	MostProblems int
}

// Report is what Verify found.
type Report struct {
	// Format is the number in the file FORMAT.
	Format int
	// Revision and CompactRevision are the newest and the oldest readable revision.
	Revision, CompactRevision Revision
	// Keys and Bytes are those of Stats, but counted. Versions and Changes are all
	// that are stored, those among them that wait for compaction.
	Keys, Bytes, Versions, Changes int64
	// Opaque is how many versions Verification.Record could not read.
	Opaque int64
	// Indexes are in the order of their names.
	Indexes []IndexReport
	// DiskBytes is what the files of the directory take.
	DiskBytes int64
	// Problems is what is wrong, each an ErrCorrupt. More is set if there is more
	// than was to be reported.
	Problems []error
	More     bool
}

// IndexReport is what Verify found about an index.
type IndexReport struct {
	Name string
	Rows int64
	// Ready is false for an index that is not built yet, or was built by an earlier
	// version of this package, and so will be again by the next Open. It is not
	// compared with the data.
	Ready bool
}

// defaultMostProblems is more than anybody reads, and enough to see the extent.
const defaultMostProblems = 100

// Verify reads everything and compares it: revisions without a gap, each change
// with its versions, versions with their index and expiry rows and the reverse,
// and the counters. An engine that was opened with Config.ReadOnly has its files'
// checksums verified as well. What is wrong is in the report; the error is about
// the reading itself, and the context's.
//
// It sees one moment and may run while the engine is used. All data is read in
// order, once, and a second time if something disagrees; memory does not grow with
// it.
func (e *Engine) Verify(ctx context.Context, v Verification) (Report, error) {
	if err := e.inFlight.begin(); err != nil {
		return Report{}, err
	}
	defer e.inFlight.end()
	if v.MostProblems == 0 {
		v.MostProblems = defaultMostProblems
	}
	// A snapshot of an engine that only reads would be the same.
	var reader pebble.Reader = e.db
	if !e.config.ReadOnly {
		reader = e.db.NewSnapshot()
	}
	c := newChecker(reader, v)
	var err error
	if e.config.ReadOnly {
		err = c.files(e.damagedFiles(ctx, func(files int) { c.progress("files", int64(files)) }))
	}
	if err == nil {
		err = c.run(ctx)
	}
	if !e.config.ReadOnly {
		err = errors.Join(err, reader.Close())
	}
	if err != nil {
		return Report{}, fmt.Errorf("verifying: %w", err)
	}
	if c.report.Format, err = readMarker(e.config.FS, e.config.Dir); err != nil {
		return Report{}, err
	}
	c.report.DiskBytes, err = disk.DirSize(e.config.FS, e.config.FS.PathJoin(e.config.Dir, dataName))
	return c.report, err
}

// Check verifies as Verify does and returns the first thing that is wrong.
func (e *Engine) Check(ctx context.Context) error {
	report, err := e.Verify(ctx, Verification{MostProblems: 1})
	if err == nil && len(report.Problems) > 0 {
		err = report.Problems[0]
	}
	return err
}

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

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"io"
	"time"
)

// Source is a store that is exported.
type Source interface {
	// Each calls visit with every record, the HostPosition last. It stops at an error of
	// visit and returns it. Visit may keep the record.
	//
	// Records that are written during the call may be missing. The HostPosition must be
	// from before the first record is read: with a later one the target would not read
	// from the host what is missing in the export.
	Each(ctx context.Context, visit func(*Record) error) error
}

// Export writes an export of the store and returns the counts of its records. It calls
// progress after each record. On an error the export is incomplete.
func Export(ctx context.Context, source Source, w io.Writer, progress func(Counts)) (Counts, error) {
	export, err := newWriter(w, time.Now())
	if err != nil {
		return Counts{}, err
	}
	err = source.Each(ctx, func(record *Record) error {
		if err := export.write(record); err != nil {
			return err
		}
		progress(export.counts)
		return nil
	})
	if err != nil {
		return export.counts, err
	}
	return export.counts, export.close()
}

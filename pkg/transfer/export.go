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
	// Each calls visit with every record, the HostPosition last, until visit
	// returns an error, which it returns. The record is visit's to keep.
	//
	// What is written meanwhile may be left out. The HostPosition must be one
	// that the store had before the first record was read: with a later one the
	// target would not read from the host what is missing here.
	Each(ctx context.Context, visit func(*Record) error) error
}

// Export writes all that a store holds. What was written is a whole export only
// if it returns no error. Progress is called after each record.
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

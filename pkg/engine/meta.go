// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Names of meta rows. These values are on disk.
const (
	metaCompactRevision = "horizon"
	metaCompacted       = "compacted"
	metaCounters        = "counters"
	metaClock           = "clock"
	metaNextIndex       = "next-index"
	metaIndex           = "index/"
)

// readMeta returns the numbers in a meta row, or nil when there is none.
func readMeta(db pebble.Reader, name string) ([]uint64, error) {
	row, closer, err := db.Get(metaKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	numbers, err := decodeNumbers(row)
	if closeErr := closer.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return numbers, nil
}

// readMetaNumber returns the only number in a meta row. In a new directory there
// is none, and all of them start at 1.
func readMetaNumber(db pebble.Reader, name string) (uint64, error) {
	numbers, err := readMeta(db, name)
	if err != nil || len(numbers) == 0 {
		return 1, err
	}
	return numbers[0], nil
}

func setMeta(batch *pebble.Batch, name string, numbers ...uint64) error {
	var row []byte
	for _, number := range numbers {
		row = binary.AppendUvarint(row, number)
	}
	if err := batch.Set(metaKey(name), row, nil); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func decodeNumbers(row []byte) ([]uint64, error) {
	d := decoder{rest: row}
	var numbers []uint64
	for len(d.rest) > 0 {
		numbers = append(numbers, d.uvarint())
	}
	if d.failed {
		return nil, fmt.Errorf("%w: meta row of %d bytes", ErrCorrupt, len(row))
	}
	return numbers, nil
}

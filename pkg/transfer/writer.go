// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"
)

// bufferBytes is the size of the buffers of readers and writers.
const bufferBytes = 64 << 10

// writer writes an export, which is complete after close.
type writer struct {
	out    *bufio.Writer
	sum    hash.Hash
	lines  *json.Encoder
	counts Counts
}

func newWriter(w io.Writer, begun time.Time) (*writer, error) {
	out := bufio.NewWriterSize(w, bufferBytes)
	sum := sha256.New()
	export := &writer{out: out, sum: sum, lines: json.NewEncoder(io.MultiWriter(out, sum))}
	if err := export.lines.Encode(Header{Format: formatName, Version: Version, Time: begun.UTC()}); err != nil {
		return nil, fmt.Errorf("writing the header: %w", err)
	}
	return export, nil
}

func (w *writer) write(record *Record) error {
	if err := w.lines.Encode(record); err != nil {
		return fmt.Errorf("writing %s %s: %w", record.Kind, record.Key, err)
	}
	w.counts.add(record.Kind)
	return nil
}

// close writes the trailer.
func (w *writer) close() error {
	last := trailer{Kind: end, Records: w.counts, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	if err := w.lines.Encode(last); err != nil {
		return fmt.Errorf("writing the trailer: %w", err)
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("writing the trailer: %w", err)
	}
	return nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// reader reads an export. The export is known to be complete once next has returned io.EOF.
type reader struct {
	in     *bufio.Reader
	sum    hash.Hash
	counts Counts
	// text is the last line; its memory is reused for the next one.
	text []byte
}

func newReader(r io.Reader) (*reader, error) {
	export := &reader{in: bufio.NewReaderSize(r, bufferBytes), sum: sha256.New()}
	if err := export.line(); err != nil {
		return nil, err
	}
	var header Header
	if err := json.Unmarshal(export.text, &header); err != nil {
		header = Header{} // rejected below
	}
	if err := header.check(); err != nil {
		return nil, err
	}
	export.sum.Write(export.text)
	return export, nil
}

// next returns the next record, io.EOF after a valid trailer.
func (r *reader) next() (*Record, error) {
	if err := r.line(); err != nil {
		return nil, err
	}
	var next line
	if err := json.Unmarshal(r.text, &next); err != nil {
		return nil, fmt.Errorf("%w: the line after %d records cannot be read: %w", ErrIncomplete, r.read(), err)
	}
	if next.Kind == end {
		return nil, r.finish(next)
	}
	if !next.Kind.known() || next.Key == "" {
		return nil, fmt.Errorf("%w: a record %q of the unknown kind %q", ErrIncomplete, next.Key, next.Kind)
	}
	r.sum.Write(r.text)
	r.counts.add(next.Kind)
	return &next.Record, nil
}

func (r *reader) read() int64 { return r.counts.Events + r.counts.HostRecords + r.counts.HostPositions }

// finish checks the trailer, and returns io.EOF if the file ends after it.
func (r *reader) finish(last line) error {
	if last.Records != r.counts {
		return fmt.Errorf("%w: its trailer counts %+v, and there are %+v", ErrIncomplete, last.Records, r.counts)
	}
	if sum := hex.EncodeToString(r.sum.Sum(nil)); last.SHA256 != sum {
		return fmt.Errorf("%w: its checksum is %s, and its trailer has %q", ErrIncomplete, sum, last.SHA256)
	}
	switch _, err := r.in.ReadByte(); {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return fmt.Errorf("reading the export: %w", err)
	default:
		return fmt.Errorf("%w: there is data after its trailer", ErrIncomplete)
	}
}

// line reads a line, including the newline.
func (r *reader) line() error {
	r.text = r.text[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.text = append(r.text, part...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull) && len(r.text) <= maxLineBytes:
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%w: a line of more than %d bytes", ErrIncomplete, maxLineBytes)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("%w: it is cut off after %d records%s", ErrIncomplete, r.read(), empty(r))
		default:
			return fmt.Errorf("reading the export: %w", err)
		}
	}
}

// empty returns a hint for the error about an empty file.
func empty(r *reader) string {
	if r.read() == 0 && len(bytes.TrimSpace(r.text)) == 0 {
		return "; it may be empty, like the output of a command that failed"
	}
	return ""
}

// Verify reads an export to its end and returns the counts of its records. It returns
// ErrIncomplete or ErrNewerVersion for one that must not be imported.
func Verify(r io.Reader) (Counts, error) {
	export, err := newReader(r)
	if err != nil {
		return Counts{}, err
	}
	for {
		if _, err := export.next(); errors.Is(err, io.EOF) {
			return export.counts, nil
		} else if err != nil {
			return export.counts, err
		}
	}
}

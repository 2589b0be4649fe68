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

// reader reads an export. What it returned is known to be whole only once next
// has returned io.EOF.
type reader struct {
	in     *bufio.Reader
	sum    hash.Hash
	counts Counts
	// text is the line that was read last; the next one takes its memory.
	text []byte
}

func newReader(r io.Reader) (*reader, error) {
	export := &reader{in: bufio.NewReaderSize(r, bufferBytes), sum: sha256.New()}
	if err := export.line(); err != nil {
		return nil, err
	}
	var header Header
	if err := json.Unmarshal(export.text, &header); err != nil {
		header = Header{} // refused below
	}
	if err := header.check(); err != nil {
		return nil, err
	}
	export.sum.Write(export.text)
	return export, nil
}

// next returns the next record, or io.EOF behind a trailer that fits.
func (r *reader) next() (*Record, error) {
	if err := r.line(); err != nil {
		return nil, err
	}
	var next line
	if err := json.Unmarshal(r.text, &next); err != nil {
		return nil, fmt.Errorf("%w: a line behind %d records cannot be read: %w", ErrNotWhole, r.read(), err)
	}
	if next.Kind == end {
		return nil, r.finish(next)
	}
	if !next.Kind.known() || next.Key == "" {
		return nil, fmt.Errorf("%w: a record %q of the unknown kind %q", ErrNotWhole, next.Key, next.Kind)
	}
	r.sum.Write(r.text)
	r.counts.add(next.Kind)
	return &next.Record, nil
}

func (r *reader) read() int64 { return r.counts.Events + r.counts.HostRecords + r.counts.HostPositions }

// finish compares the trailer with what was read, and returns io.EOF if the file
// ends there.
func (r *reader) finish(last line) error {
	if last.Records != r.counts {
		return fmt.Errorf("%w: its trailer counts %+v, and there are %+v", ErrNotWhole, last.Records, r.counts)
	}
	if sum := hex.EncodeToString(r.sum.Sum(nil)); last.SHA256 != sum {
		return fmt.Errorf("%w: its checksum is %s, and its trailer has %q", ErrNotWhole, sum, last.SHA256)
	}
	switch _, err := r.in.ReadByte(); {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return fmt.Errorf("reading the export: %w", err)
	default:
		return fmt.Errorf("%w: something follows its trailer", ErrNotWhole)
	}
}

// line reads a line, with its end.
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
			return fmt.Errorf("%w: a line of more than %d bytes", ErrNotWhole, maxLineBytes)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("%w: it is cut off behind %d records%s", ErrNotWhole, r.read(), empty(r))
		default:
			return fmt.Errorf("reading the export: %w", err)
		}
	}
}

// empty explains a file in which there is nothing.
func empty(r *reader) string {
	if r.read() == 0 && len(bytes.TrimSpace(r.text)) == 0 {
		return "; it may be empty, as the output of a command that failed is"
	}
	return ""
}

// Verify reads an export to its end, and returns what is in it. It returns
// ErrNotWhole or ErrNewerVersion for one that must not be imported.
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

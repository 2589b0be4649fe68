// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"fmt"
	"time"
)

const (
	// formatName is how the first line identifies a file.
	formatName = "events-apiserver-export"
	// Version is that of the format. It is raised when an older build could not
	// read what is written, or would lose something of it.
	Version = 1
	// maxLineBytes bounds the memory for one line: a value has 16 MiB at most, a
	// third more in base64.
	maxLineBytes = 32 << 20
)

var (
	// ErrNotWhole is returned for a file that is not an export, that was cut off,
	// or that was altered.
	ErrNotWhole = errors.New("not a whole export")
	// ErrNewerVersion is returned for an export whose version this build does not
	// know.
	ErrNewerVersion = errors.New("export has a newer version")
)

// Kind is what a record is about. The values are in files.
type Kind string

const (
	// Event is an event in its stored form, decrypted. Its key is
	// namespace/name.
	Event Kind = "event"
	// HostRecord is a record of the bridge to the host cluster about one event,
	// such as a write that waits in its queue.
	HostRecord Kind = "hostRecord"
	// HostPosition is the resourceVersion of the host cluster up to which its
	// events are in the store. It is the last record: it is true of a store only
	// when that has all records before it.
	HostPosition Kind = "hostPosition"
	// end marks the trailer.
	end Kind = "end"
)

func (k Kind) known() bool { return k == Event || k == HostRecord || k == HostPosition }

// Header is the first line of an export.
type Header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Time is when the export began.
	Time time.Time `json:"time"`
}

func (h Header) check() error {
	switch {
	case h.Format != formatName || h.Version < 1:
		return fmt.Errorf("%w: it does not begin as an export of events-apiserver does", ErrNotWhole)
	case h.Version > Version:
		return fmt.Errorf("%w: %d, and this build knows up to %d; import it with the version that made it", ErrNewerVersion, h.Version, Version)
	}
	return nil
}

// Record is one entry of a store.
type Record struct {
	Kind Kind `json:"kind"`
	// Key is relative to where the store keeps the kind.
	Key string `json:"key"`
	// Expires is when the entry ends; the zero time is never.
	Expires time.Time `json:"expires,omitzero"`
	// Value is what is stored, decrypted. In the file it is base64.
	Value []byte `json:"value"`
}

// expired reports whether the entry has ended.
func (r *Record) expired(now time.Time) bool { return !r.Expires.IsZero() && !r.Expires.After(now) }

// Counts is how many records of each kind there are.
type Counts struct {
	Events        int64 `json:"event"`
	HostRecords   int64 `json:"hostRecord"`
	HostPositions int64 `json:"hostPosition"`
}

func (c *Counts) add(kind Kind) {
	switch kind {
	case Event:
		c.Events++
	case HostRecord:
		c.HostRecords++
	case HostPosition:
		c.HostPositions++
	case end:
	}
}

// trailer is the last line of an export.
type trailer struct {
	Kind    Kind   `json:"kind"`
	Records Counts `json:"records"`
	// SHA256 is of all bytes before this line, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// line is any line but the first.
type line struct {
	Record
	Records Counts `json:"records"`
	SHA256  string `json:"sha256"`
}

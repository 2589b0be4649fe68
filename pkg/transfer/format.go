// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"fmt"
	"time"
)

const (
	// formatName identifies a file by its first line.
	formatName = "events-apiserver-export"
	// Version is the version of the format. It is raised with a change that older builds
	// cannot read, or would read with loss.
	Version = 1
	// maxLineBytes is the longest line: a value has at most 16 MiB, a third more in base64.
	maxLineBytes = 32 << 20
)

var (
	// ErrIncomplete is returned for a file that is not an export, or one that is truncated
	// or altered.
	ErrIncomplete = errors.New("not a complete export")
	// ErrNewerVersion is returned for an export whose version this build does not
	// know.
	ErrNewerVersion = errors.New("export has a newer version")
)

// Kind is the kind of a record. The values are part of the format.
type Kind string

const (
	// Event is an event in its stored form, decrypted. Its key is
	// namespace/name.
	Event Kind = "event"
	// HostRecord is a record of the bridge to the host cluster about one event, such as an
	// entry of its outbox.
	HostRecord Kind = "hostRecord"
	// HostPosition is the resourceVersion of the host cluster up to which its events are
	// ingested. It is the last record, because it only holds for a store that has all
	// records before it.
	HostPosition Kind = "hostPosition"
	// end is the kind of the trailer.
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
		return fmt.Errorf("%w: it does not begin with the header of an export of events-apiserver", ErrIncomplete)
	case h.Version > Version:
		return fmt.Errorf("%w: %d, and this build knows up to %d; import it with the version that exported it", ErrNewerVersion, h.Version, Version)
	}
	return nil
}

// Record is one entry of a store.
type Record struct {
	Kind Kind `json:"kind"`
	// Key is relative to the store's prefix of the kind.
	Key string `json:"key"`
	// Expires is when the entry expires; the zero time means never.
	Expires time.Time `json:"expires,omitzero"`
	// Value is the stored value, decrypted. In the file it is base64.
	Value []byte `json:"value"`
}

// expired reports whether the entry has expired.
func (r *Record) expired(now time.Time) bool { return !r.Expires.IsZero() && !r.Expires.After(now) }

// Counts is the number of records of each kind.
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
	// SHA256 is the hash of all bytes before this line, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// line is a line after the header: a record or the trailer.
type line struct {
	Record
	Records Counts `json:"records"`
	SHA256  string `json:"sha256"`
}

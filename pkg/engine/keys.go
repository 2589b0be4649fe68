// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The first byte of a row's key is the kind of the row. These values are on disk.
const (
	spaceChange  = 'r'
	spaceExpiry  = 'd'
	spaceIndex   = 'i'
	spaceMeta    = 'm'
	spaceVersion = 'k'
	// spaceRetired is of earlier builds, and removed by the next Open.
	spaceRetired = 'u'
)

// A byte string that something follows is written with every zero byte as
// escape, escapedZero and ends with escape, terminator. So the order of the
// strings is the order of their encodings, and none begins another.
const (
	escape      = 0x00
	escapedZero = 0xff
	terminator  = 0x01
)

const (
	revisionBytes = 8
	indexIDBytes  = 2
)

// indexID names an index in rows. It is never given to another index.
type indexID uint16

func appendEscaped(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, escape)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, escape, escapedZero)
		s = s[i+1:]
	}
}

func appendTerminated(dst, s []byte) []byte {
	return append(appendEscaped(dst, s), escape, terminator)
}

// terminatedLength returns the length of the terminated string at the start of
// b, terminator included, or -1 when none ends in b.
func terminatedLength(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], escape)
		if i < 0 || from+i+1 == len(b) {
			return -1
		}
		from += i + 2
		if b[from-1] != escapedZero {
			return from
		}
	}
}

// decodeTerminated returns the string at the start of b, appended to dst, and
// what follows it.
func decodeTerminated(dst, b []byte) (s, rest []byte, err error) {
	for {
		i := bytes.IndexByte(b, escape)
		if i < 0 || i+1 == len(b) {
			return nil, nil, fmt.Errorf("%w: a string in a key has no end", ErrCorrupt)
		}
		dst = append(dst, b[:i]...)
		switch b[i+1] {
		case terminator:
			return dst, b[i+2:], nil
		case escapedZero:
			dst = append(dst, escape)
		default:
			return nil, nil, fmt.Errorf("%w: byte %#x follows an escape in a key", ErrCorrupt, b[i+1])
		}
		b = b[i+2:]
	}
}

// appendVersionPrefix begins the rows of all versions of a key.
func appendVersionPrefix(dst, key []byte) []byte {
	return appendTerminated(append(dst, spaceVersion), key)
}

// appendVersionSuffix ends a version row's key. The complement puts the newest
// version first.
func appendVersionSuffix(dst []byte, revision Revision) []byte {
	return binary.BigEndian.AppendUint64(dst, ^uint64(revision))
}

func appendVersionKey(dst, key []byte, revision Revision) []byte {
	return appendVersionSuffix(appendVersionPrefix(dst, key), revision)
}

// decodeVersionKey appends the key to dst.
func decodeVersionKey(dst, row []byte) (key []byte, revision Revision, err error) {
	if len(row) == 0 || row[0] != spaceVersion {
		return nil, 0, fmt.Errorf("%w: not the key of a version row: %q", ErrCorrupt, row)
	}
	key, rest, err := decodeTerminated(dst, row[1:])
	if err != nil {
		return nil, 0, err
	}
	if len(rest) != revisionBytes {
		return nil, 0, fmt.Errorf("%w: version row %q has no revision", ErrCorrupt, row)
	}
	return key, Revision(^binary.BigEndian.Uint64(rest)), nil
}

// versionRevision returns the revision at the end of a version row's key.
func versionRevision(row []byte) Revision {
	return Revision(^binary.BigEndian.Uint64(row[len(row)-revisionBytes:]))
}

func appendChangeKey(dst []byte, revision Revision) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceChange), uint64(revision))
}

func decodeChangeKey(row []byte) (Revision, error) {
	if len(row) != 1+revisionBytes || row[0] != spaceChange {
		return 0, fmt.Errorf("%w: not the key of a change row: %q", ErrCorrupt, row)
	}
	return Revision(binary.BigEndian.Uint64(row[1:])), nil
}

// appendExpiryKey writes a key under which expiring versions are in the order
// of their deadlines, in nanoseconds since 1970.
func appendExpiryKey(dst []byte, deadline uint64, revision Revision) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, spaceExpiry), deadline)
	return binary.BigEndian.AppendUint64(dst, uint64(revision))
}

func decodeExpiryKey(row []byte) (deadline uint64, revision Revision, err error) {
	if len(row) != 1+8+revisionBytes || row[0] != spaceExpiry {
		return 0, 0, fmt.Errorf("%w: not the key of an expiry row: %q", ErrCorrupt, row)
	}
	return binary.BigEndian.Uint64(row[1:]), Revision(binary.BigEndian.Uint64(row[9:])), nil
}

// appendIndexSpace begins all rows of one index.
func appendIndexSpace(dst []byte, id indexID) []byte {
	return binary.BigEndian.AppendUint16(append(dst, spaceIndex), uint16(id))
}

// appendIndexPrefix begins the index rows of all keys that have the value.
func appendIndexPrefix(dst []byte, id indexID, value []byte) []byte {
	return appendTerminated(appendIndexSpace(dst, id), value)
}

func appendIndexKey(dst []byte, id indexID, value, key []byte) []byte {
	return append(appendIndexPrefix(dst, id, value), key...)
}

// indexIDOf returns the index of a row of an index. It must not be shorter than
// the id.
func indexIDOf(row []byte) indexID { return indexID(binary.BigEndian.Uint16(row[1:])) }

func decodeIndexKey(row []byte) (id indexID, value, key []byte, err error) {
	if len(row) < 1+indexIDBytes || row[0] != spaceIndex {
		return 0, nil, nil, fmt.Errorf("%w: not the key of an index row: %q", ErrCorrupt, row)
	}
	value, key, err = decodeTerminated(nil, row[1+indexIDBytes:])
	return indexIDOf(row), value, key, err
}

func metaKey(name string) []byte { return append([]byte{spaceMeta}, name...) }

// prefixEnd returns the first byte string above all that begin with prefix, or
// nil when there is none. It may change the last bytes of prefix.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			prefix[i]++
			return prefix[:i+1]
		}
	}
	return nil
}

// spaceEnd is above all rows of a space.
func spaceEnd(space byte) []byte { return []byte{space + 1} }

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Flags of version and change rows. These values are on disk.
const (
	flagDeleted = 1 << iota
	flagExpired

	knownFlags = flagDeleted | flagExpired
)

// versionRow is the value of a version row. The index values are stored beside
// the value, so that reading, replacing and removing a version never has to
// decode the value.
type versionRow struct {
	flags          byte
	createRevision Revision
	// deadline is in nanoseconds since 1970; 0 is never.
	deadline uint64
	// indexed is the encoded list of index values.
	indexed indexValues
	value   []byte
}

func (v *versionRow) deleted() bool { return v.flags&flagDeleted != 0 }

// expired reports whether the deadline has passed at now.
func (v *versionRow) expired(now uint64) bool { return v.deadline != 0 && v.deadline <= now }

func (v *versionRow) append(dst []byte) []byte {
	dst = append(dst, v.flags)
	dst = binary.AppendUvarint(dst, uint64(v.createRevision))
	dst = binary.AppendUvarint(dst, v.deadline)
	dst = binary.AppendUvarint(dst, uint64(len(v.indexed)))
	dst = append(dst, v.indexed...)
	return append(dst, v.value...)
}

// decodeVersionRow returns slices of b.
func decodeVersionRow(b []byte) (versionRow, error) {
	d := decoder{rest: b}
	v := versionRow{flags: d.flags(), createRevision: Revision(d.uvarint()), deadline: d.uvarint()}
	v.indexed = d.bytes(d.uvarint())
	v.value = d.rest
	if d.failed {
		return versionRow{}, fmt.Errorf("%w: version row of %d bytes", ErrCorrupt, len(b))
	}
	return v, nil
}

// changeRow is the value of a change row. What was written is in the version
// row of the same revision.
type changeRow struct {
	flags          byte
	prevRevision   Revision
	createRevision Revision
	key            []byte
}

func (c *changeRow) deleted() bool { return c.flags&flagDeleted != 0 }

func (c *changeRow) append(dst []byte) []byte {
	dst = append(dst, c.flags)
	dst = binary.AppendUvarint(dst, uint64(c.prevRevision))
	dst = binary.AppendUvarint(dst, uint64(c.createRevision))
	return append(dst, c.key...)
}

// decodeChangeRow returns slices of b.
func decodeChangeRow(b []byte) (changeRow, error) {
	d := decoder{rest: b}
	c := changeRow{flags: d.flags(), prevRevision: Revision(d.uvarint()), createRevision: Revision(d.uvarint())}
	c.key = d.rest
	if d.failed || len(c.key) == 0 {
		return changeRow{}, fmt.Errorf("%w: change row of %d bytes", ErrCorrupt, len(b))
	}
	return c, nil
}

// indexValues is an encoded list of indexes, each with its values: id, number
// of values, then length and bytes of each.
type indexValues []byte

// appendIndexValues adds one index. Values are sorted and each is kept once.
func appendIndexValues(dst indexValues, id indexID, values [][]byte) indexValues {
	if len(values) > 1 {
		values = slices.Clone(values)
		slices.SortFunc(values, bytes.Compare)
		values = slices.CompactFunc(values, bytes.Equal)
	}
	dst = binary.AppendUvarint(dst, uint64(id))
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	for _, value := range values {
		dst = binary.AppendUvarint(dst, uint64(len(value)))
		dst = append(dst, value...)
	}
	return dst
}

// indexValuesBytes is room for a list of such values.
func indexValuesBytes(all [][][]byte) int {
	// Two numbers for each index and one for each value, which mostly are below 128.
	n := 0
	for _, values := range all {
		n += 2
		for _, value := range values {
			n += 1 + len(value)
		}
	}
	return n
}

// each calls f for every index with its values, which are slices of the list.
func (l indexValues) each(f func(id indexID, values [][]byte)) error {
	d := decoder{rest: l}
	var values [][]byte
	for len(d.rest) > 0 && !d.failed {
		id := d.uvarint()
		values = values[:0]
		for n := d.uvarint(); n > 0 && !d.failed; n-- {
			values = append(values, d.bytes(d.uvarint()))
		}
		if id > 1<<16-1 {
			d.failed = true
		}
		if !d.failed {
			f(indexID(id), values) //nolint:gosec // checked above
		}
	}
	if d.failed {
		return fmt.Errorf("%w: index values of %d bytes", ErrCorrupt, len(l))
	}
	return nil
}

// has reports whether the list has the value in the index.
func (l indexValues) has(id indexID, value []byte) (has bool, err error) {
	err = l.each(func(other indexID, values [][]byte) {
		if other == id {
			has = slices.ContainsFunc(values, func(v []byte) bool { return bytes.Equal(v, value) })
		}
	})
	return has, err
}

// of returns the values of an index, which are slices of the list, and whether the
// list has the index, be it without values.
func (l indexValues) of(id indexID) (values [][]byte, stored bool, err error) {
	err = l.each(func(other indexID, found [][]byte) {
		if other == id {
			values, stored = slices.Clone(found), true
		}
	})
	return values, stored, err
}

// decoder reads the parts of a row. After something that cannot be read failed
// is set and all further parts are empty.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) flags() byte {
	if len(d.rest) == 0 || d.rest[0]&^knownFlags != 0 {
		d.fail()
		return 0
	}
	flags := d.rest[0]
	d.rest = d.rest[1:]
	return flags
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) fail() { d.failed, d.rest = true, nil }

// deadlineOf is the stored form of a deadline. What is due before 1970 is due
// at once, and what is due after 2262 never is.
func deadlineOf(t time.Time) uint64 {
	switch {
	case t.IsZero() || t.Year() > 2261:
		return 0
	case t.Unix() < 0:
		return 1
	default:
		return max(1, uint64(t.UnixNano()))
	}
}

func timeOf(deadline uint64) time.Time {
	if deadline == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(deadline)) //nolint:gosec // deadlineOf made it
}

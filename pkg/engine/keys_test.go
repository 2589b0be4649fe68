// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"time"
)

// TestRowsOnDisk fixes the bytes of keys and values. A change here is a new
// Format.
func TestRowsOnDisk(t *testing.T) {
	t.Parallel()
	indexed := appendIndexValues(nil, 3, [][]byte{[]byte("y"), []byte("x"), []byte("y")})
	version := versionRow{createRevision: 300, deadline: 5, indexed: indexed, value: []byte("v")}
	change := changeRow{flags: flagDeleted | flagExpired, prevRevision: 7, createRevision: 300, key: []byte("a\x00")}
	for name, test := range map[string]struct {
		got  []byte
		want string
	}{
		"version key":   {appendVersionKey(nil, []byte("a\x00b"), 2), "6b" + "6100ff62" + "0001" + "fffffffffffffffd"},
		"version":       {version.append(nil), "00" + "ac02" + "05" + "06" + "0302" + "0178" + "0179" + "76"},
		"change key":    {appendChangeKey(nil, 258), "72" + "0000000000000102"},
		"change":        {change.append(nil), "03" + "07" + "ac02" + "6100"},
		"expiry key":    {appendExpiryKey(nil, 1, 258), "64" + "0000000000000001" + "0000000000000102"},
		"index key":     {appendIndexKey(nil, 258, []byte("x\x00"), []byte("a\x00")), "69" + "0102" + "7800ff" + "0001" + "6100"},
		"meta key":      {metaKey("horizon"), "6d" + "686f72697a6f6e"},
		"deadline 1 ns": {appendExpiryKey(nil, deadlineOf(time.Unix(0, 1)), 0), "64" + "0000000000000001" + "0000000000000000"},
	} {
		if got := hex.EncodeToString(test.got); got != test.want {
			t.Errorf("%s is %s, want %s", name, got, test.want)
		}
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deadline time.Time
		want     uint64
	}{
		"none":          {time.Time{}, 0},
		"long ago":      {time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		"epoch":         {time.Unix(0, 0), 1},
		"now":           {time.Unix(1, 2), 1_000_000_002},
		"far away":      {time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		"nearly as far": {time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC), uint64(time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC).UnixNano())},
	} {
		got := deadlineOf(test.deadline)
		if got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
		if got > 1 && !timeOf(got).Equal(test.deadline) {
			t.Errorf("%s came back as %s", name, timeOf(got))
		}
	}
}

// FuzzKeys writes two keys with revisions in all forms that order matters for.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("a"), []byte("a\x00"), uint64(1), uint64(2))
	f.Add([]byte("\x00\xff"), []byte("\x00\x01"), uint64(0), uint64(math.MaxUint64))
	f.Add([]byte("/events/ns/name"), []byte("/events/ns/name"), uint64(7), uint64(7))
	f.Fuzz(func(t *testing.T, a, b []byte, revisionA, revisionB uint64) {
		rowA := appendVersionKey(nil, a, Revision(revisionA))
		rowB := appendVersionKey(nil, b, Revision(revisionB))
		key, revision, err := decodeVersionKey(nil, rowA)
		if err != nil || !bytes.Equal(key, a) || revision != Revision(revisionA) {
			t.Errorf("version key of %q %d came back as %q %d %v", a, revisionA, key, revision, err)
		}
		want := bytes.Compare(a, b)
		if want == 0 {
			// Newer versions come first.
			want = bytes.Compare(appendChangeKey(nil, Revision(revisionB)), appendChangeKey(nil, Revision(revisionA)))
		}
		if got := bytes.Compare(rowA, rowB); got != want {
			t.Errorf("%q %d and %q %d are in order %d, want %d", a, revisionA, b, revisionB, got, want)
		}
		checkSplit(t, rowA, rowB, bytes.Equal(a, b))

		indexA, indexB := appendIndexKey(nil, 5, a, b), appendIndexKey(nil, 5, b, a)
		id, value, key, err := decodeIndexKey(indexA)
		if err != nil || id != 5 || !bytes.Equal(value, a) || !bytes.Equal(key, b) {
			t.Errorf("index key of %q %q came back as %d %q %q %v", a, b, id, value, key, err)
		}
		checkSplit(t, indexA, indexB, bytes.Equal(a, b))

		if bytes.HasPrefix(a, b) != bytes.HasPrefix(rowA, appendEscaped([]byte{spaceVersion}, b)) {
			t.Errorf("the rows of %q do not begin like those of prefix %q", a, b)
		}
	})
}

// checkSplit checks what Pebble asks of a comparer, for two rows and a row
// between them.
func checkSplit(t *testing.T, a, b []byte, same bool) {
	t.Helper()
	comparer := rowComparer()
	rows := [][]byte{a, b}
	slices.SortFunc(rows, bytes.Compare)
	if !bytes.Equal(a, b) {
		rows = append(rows, comparer.Separator(nil, rows[0], rows[1]))
	}
	for _, x := range rows {
		for _, y := range rows {
			prefixes := bytes.Compare(x[:splitRow(x)], y[:splitRow(y)])
			if prefixes != 0 && prefixes != bytes.Compare(x, y) {
				t.Errorf("%q and %q are not in the order of their common parts", x, y)
			}
		}
	}
	if got := bytes.Equal(a[:splitRow(a)], b[:splitRow(b)]); got != same {
		t.Errorf("%q and %q have the same common part: %t, want %t", a, b, got, same)
	}
	prefix := a[:splitRow(a)]
	next := comparer.ImmediateSuccessor(nil, prefix)
	if splitRow(next) != len(next) || bytes.Compare(prefix, next) >= 0 || bytes.Compare(a, next) >= 0 {
		t.Errorf("%q does not follow %q", next, prefix)
	}
}

// FuzzDecode gives arbitrary bytes to all decoders; what they accept must be
// what the encoders write.
func FuzzDecode(f *testing.F) {
	version := versionRow{createRevision: 300, deadline: 5, indexed: appendIndexValues(nil, 3, [][]byte{[]byte("y")}), value: []byte("v")}
	change := changeRow{flags: flagDeleted, prevRevision: 7, createRevision: 300, key: []byte("a")}
	for _, seed := range [][]byte{
		version.append(nil), change.append(nil), version.indexed,
		appendVersionKey(nil, []byte("a\x00"), 1), appendIndexKey(nil, 1, []byte("v"), []byte("a")),
		appendChangeKey(nil, 1), appendExpiryKey(nil, 1, 2), {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if row, err := decodeVersionRow(b); err == nil {
			again, err := decodeVersionRow(row.append(nil))
			if err != nil || !bytes.Equal(again.value, row.value) || !bytes.Equal(again.indexed, row.indexed) || again.deadline != row.deadline {
				t.Errorf("version row %x changed: %v", b, err)
			}
		}
		if row, err := decodeChangeRow(b); err == nil {
			again, err := decodeChangeRow(row.append(nil))
			if err != nil || !bytes.Equal(again.key, row.key) || again.prevRevision != row.prevRevision {
				t.Errorf("change row %x changed: %v", b, err)
			}
		}
		if key, revision, err := decodeVersionKey(nil, b); err == nil && !bytes.Equal(appendVersionKey(nil, key, revision), b) {
			t.Errorf("version key %x changed", b)
		}
		if id, value, key, err := decodeIndexKey(b); err == nil && !bytes.Equal(appendIndexKey(nil, id, value, key), b) {
			t.Errorf("index key %x changed", b)
		}
		if revision, err := decodeChangeKey(b); err == nil && !bytes.Equal(appendChangeKey(nil, revision), b) {
			t.Errorf("change key %x changed", b)
		}
		if deadline, revision, err := decodeExpiryKey(b); err == nil && !bytes.Equal(appendExpiryKey(nil, deadline, revision), b) {
			t.Errorf("expiry key %x changed", b)
		}
		if n := splitRow(b); n < 0 || n > len(b) {
			t.Errorf("split of %x at %d", b, n)
		}
		// These only must not panic or run on.
		_, _ = decodeNumbers(b)
		_ = indexValues(b).each(func(indexID, [][]byte) {})
	})
}

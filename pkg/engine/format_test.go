// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

//nolint:gochecknoglobals // a flag of the test binary
var makeFormat = flag.Bool("format.make", false, "make testdata/format-N of the current Format, if there is none")

// writeFrozen makes all kinds of rows, some of them compacted.
func writeFrozen(t *testing.T, dir string) {
	t.Helper()
	e, err := Open(Config{Dir: dir, Indexes: testIndexes(), MemTableBytes: 16 << 10, manual: true})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "gone", "x|")
	put(t, e, "a", "x|1")
	put(t, e, "a\x00", "x,y|2")
	if _, err := e.Commit(t.Context(), Op{Key: []byte("gone")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(t.Context(), e.Revision()); err != nil {
		t.Fatal(err)
	}
	put(t, e, "a", "y|3")
	op := Op{Key: []byte("b"), Value: []byte("x|4"), Deadline: time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := e.Commit(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFrozenFormats opens directories that builds of each format once wrote.
// They are never made again: what is on users' disks does not change either.
func TestFrozenFormats(t *testing.T) {
	t.Parallel()
	current := filepath.Join("testdata", fmt.Sprint("format-", Format))
	if _, err := os.Stat(current); errors.Is(err, fs.ErrNotExist) && *makeFormat {
		writeFrozen(t, current)
	}
	for format := 1; format <= Format; format++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", fmt.Sprint("format-", format)))); err != nil {
			t.Fatalf("format %d: %v; to make it run: go test ./pkg/engine -run TestFrozenFormats -format.make", format, err)
		}
		e, err := Open(Config{Dir: dir, Indexes: testIndexes(), manual: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Check(t.Context()); err != nil {
			t.Errorf("format %d: %v", format, err)
		}
		want := map[string][]string{
			"old":   {`"a" 3 3 "x|1"`, `"a\x00" 4 4 "x,y|2"`},
			"new":   {`"a" 6 3 "y|3"`, `"a\x00" 4 4 "x,y|2"`, `"b" 7 7 "x|4"`},
			"index": {`"a" 6 3 "y|3"`, `"a\x00" 4 4 "x,y|2"`},
		}
		got := map[string][]string{
			"old":   describe(t, e, Query{At: 5}),
			"new":   describe(t, e, Query{}),
			"index": describe(t, e, Query{Index: "tags", IndexValue: []byte("y")}),
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("format %d (-want +got):\n%s", format, diff)
		}
		if _, err := e.Subscribe(4); !errors.Is(err, ErrCompacted) || e.Revision() != 7 || e.CompactRevision() != 5 {
			t.Errorf("format %d: revision %d, compactRevision %d, %v", format, e.Revision(), e.CompactRevision(), err)
		}
		put(t, e, "c", "z|")
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func describe(t *testing.T, e *Engine, q Query) []string {
	t.Helper()
	var records []string
	_, err := e.List(t.Context(), q, func(r Record) bool {
		records = append(records, fmt.Sprintf("%q %d %d %q", r.Key, r.Revision, r.CreateRevision, r.Value))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// someData commits what has every kind of row, part of it compacted: "a" has two
// versions, "gone" is deleted and "b" expires.
func someData(t *testing.T, e *Engine) {
	t.Helper()
	put(t, e, "old", "x|")
	put(t, e, "gone", "x|")
	if err := e.Compact(t.Context(), e.Revision()); err != nil {
		t.Fatal(err)
	}
	put(t, e, "a", "x,y|1")
	put(t, e, "a", "y|2")
	if _, err := e.Commit(t.Context(), Op{Key: []byte("gone")}); err != nil {
		t.Fatal(err)
	}
	op := Op{Key: []byte("b"), Value: []byte("x|3"), Deadline: time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := e.Commit(t.Context(), op); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, e *Engine, v Verification) Report {
	t.Helper()
	report, err := e.Verify(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		if !errors.Is(problem, ErrCorrupt) {
			t.Errorf("%v is no ErrCorrupt", problem)
		}
	}
	return report
}

func TestVerify_Report(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes()})
	someData(t, e)
	var seen []string
	told := map[string]int64{}
	got := verify(t, e, Verification{
		Record: func(r Record) error {
			seen = append(seen, fmt.Sprintf("%s %d %s", r.Key, r.Revision, r.Value))
			if string(r.Key) == "old" {
				return ErrOpaque
			}
			return nil
		},
		Progress: func(reading string, done int64) { told[reading] = done },
	})
	got.DiskBytes = 0
	want := Report{
		Format: 1, Revision: 7, CompactRevision: 3, Keys: 3, Bytes: 3 + 2 + 1 + 3 + 1 + 3, Versions: 6, Changes: 4, Opaque: 1,
		Indexes: []IndexReport{{Name: "length", Rows: 5, Ready: true}, {Name: "tags", Rows: 5, Ready: true}},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff([]string{"a 5 y|2", "a 4 x,y|1", "b 7 x|3", "gone 3 x|", "old 2 x|"}, seen); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(map[string]int64{"versions": 6, "changes": 4, "index rows": 10, "expiry rows": 1}, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

// TestVerify_NamesEachProblem does harm to single rows.
func TestVerify_NamesEachProblem(t *testing.T) {
	t.Parallel()
	tags, length := indexID(1), indexID(2)
	indexed := appendIndexValues(appendIndexValues(nil, tags, [][]byte{[]byte("x")}), length, [][]byte{[]byte("2")})
	never := uint64(time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	type harm map[string][]byte // nil removes the row
	for name, test := range map[string]struct {
		harm harm
		want []string
	}{
		"nothing": {harm{}, nil},
		"index row removed": {
			harm{string(appendIndexKey(nil, tags, []byte("y"), []byte("a"))): nil},
			[]string{`index tags lacks key "a" under "y"`},
		},
		"index row of an old version removed": {
			harm{string(appendIndexKey(nil, tags, []byte("x"), []byte("a"))): nil},
			[]string{`index tags lacks key "a" under "x"`},
		},
		"index rows too many": {
			harm{string(appendIndexKey(nil, tags, []byte("z"), []byte("a"))): {}, string(appendIndexKey(nil, length, []byte("2"), []byte("nobody"))): {}},
			[]string{`index tags has key "a" under "z", which no version of it has`, `index length has key "nobody" under "2"`},
		},
		"row of no index": {
			harm{string(appendIndexKey(nil, 77, []byte("z"), []byte("a"))): {}},
			[]string{`a row of index 77, which is not there`},
		},
		"expiry row removed": {
			harm{string(appendExpiryKey(nil, never, 7)): nil},
			[]string{`version 7 of key "b" has no expiry row`},
		},
		"expiry row too many": {
			harm{string(appendExpiryKey(nil, 1, 5)): []byte("a")},
			[]string{`expiry row of key "a" at revision 5 is left over`},
		},
		"expiry row of another key": {
			harm{string(appendExpiryKey(nil, never, 7)): []byte("a")},
			[]string{`version 7 of key "b" has no expiry row`, `expiry row of key "a" at revision 7 is left over`},
		},
		"change row removed": {
			harm{string(appendChangeKey(nil, 5)): nil},
			[]string{`change 6 stands where 5 is due`, `version 5 of key "a" has no change row`},
		},
		"last change row removed": {
			harm{string(appendChangeKey(nil, 7)): nil},
			[]string{`version 7 of key "b" has no change row`},
		},
		"change row altered": {
			harm{string(appendChangeKey(nil, 5)): (&changeRow{createRevision: 4, key: []byte("a")}).append(nil)},
			[]string{`version 5 of key "a" has no change row, or another one`, `change 5 of key "a" does not agree with its version or the one before`},
		},
		"change row not readable": {
			harm{string(appendChangeKey(nil, 5)): {0xff}},
			[]string{`version 5 of key "a" has no change row`, `change 5: data is corrupt: change row of 1 bytes`},
		},
		"newest version removed": {
			harm{string(appendVersionKey(nil, []byte("a"), 5)): nil},
			[]string{
				`counted 3 keys with 13 bytes, found 3 with 15`, `change 5 of key "a" does not agree`,
				`index length has key "a" under "3"`,
			},
		},
		"old version removed": {
			harm{string(appendVersionKey(nil, []byte("a"), 4)): nil},
			[]string{
				`change 4 of key "a" does not agree`, `change 5 of key "a" does not agree`, `version 5 of key "a" has no change row`,
				`index tags has key "a" under "x"`, `index length has key "a" under "5"`,
			},
		},
		"version not readable": {
			harm{string(appendVersionKey(nil, []byte("b"), 7)): {0xff}},
			[]string{`version 7 of key "b": data is corrupt: version row of 1 bytes`, `counted 3 keys`, `change 7`, `expiry row of key "b"`, `index tags`, `index length`},
		},
		"version outlived": {
			harm{string(appendVersionKey(nil, []byte("old"), 1)): (&versionRow{createRevision: 1, value: []byte("x|"), indexed: indexed}).append(nil)},
			[]string{`version 1 of key "old" outlived its compaction`},
		},
		"deletion outlived": {
			harm{string(appendVersionKey(nil, []byte("c"), 3)): (&versionRow{flags: flagDeleted, createRevision: 2}).append(nil)},
			[]string{`deletion 3 of key "c" outlived its compaction`},
		},
		"counters": {
			harm{string(metaKey(metaCounters)): {9, 9}},
			[]string{`counted 9 keys with 9 bytes, found 3 with 13`},
		},
		"horizon": {
			harm{string(metaKey(metaCompactRevision)): {2}},
			[]string{`compaction got to revision 3, above the compactRevision 2`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, Config{Indexes: testIndexes()})
			someData(t, e)
			for row, value := range test.harm {
				var err error
				if value == nil {
					err = e.db.Delete([]byte(row), pebble.Sync)
				} else {
					err = e.db.Set([]byte(row), value, pebble.Sync)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			report := verify(t, e, Verification{})
			said := fmt.Sprint(errors.Join(report.Problems...))
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("missing: %s", want)
				}
			}
			if len(report.Problems) != len(test.want) || report.More {
				t.Errorf("%d problems, want %d:\n%s", len(report.Problems), len(test.want), said)
			}
			if err := e.Check(t.Context()); (err == nil) != (len(test.want) == 0) {
				t.Errorf("check: %v", err)
			}
		})
	}
}

func TestVerify_BoundsWhatItReports(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes()})
	const keys = 300
	for n := range keys {
		put(t, e, fmt.Sprint("key", n), "x|")
	}
	rows := appendIndexSpace(nil, 1)
	if err := e.db.DeleteRange(rows, prefixEnd(bytes.Clone(rows)), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, e, Verification{MostProblems: 10}); len(report.Problems) != 10 || !report.More {
		t.Errorf("%d problems and more: %v; want 10 and more", len(report.Problems), report.More)
	}
	if report := verify(t, e, Verification{MostProblems: keys}); len(report.Problems) != keys || report.More {
		t.Errorf("%d problems and more: %v; want %d and no more", len(report.Problems), report.More, keys)
	}
}

// TestVerify_Unstored takes the values of an index from a version.
func TestVerify_Unstored(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes()})
	put(t, e, "a", "x|")
	row := versionRow{createRevision: 2, value: []byte("x|"), indexed: appendIndexValues(nil, 2, [][]byte{[]byte("2")})}
	if err := e.db.Set(appendVersionKey(nil, []byte("a"), 2), row.append(nil), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	want := []string{`version 2 of key "a" stores no values of index tags`, `index tags has key "a" under "x", which no version of it has`}
	report := verify(t, e, Verification{})
	if said := fmt.Sprint(errors.Join(report.Problems...)); len(report.Problems) != 2 || !strings.Contains(said, want[0]) || !strings.Contains(said, want[1]) {
		t.Errorf("got %s\nwant %q", said, want)
	}
}

// TestVerify_IndexNotReady leaves such an index out, whatever its rows are.
func TestVerify_IndexNotReady(t *testing.T) {
	t.Parallel()
	b := newBackfillTest(t, [2]string{"known", "x|1"}, [2]string{"hidden", "x|22"})
	if err := b.engine.db.Set(appendIndexKey(nil, b.engine.indexes[0].id, []byte("z"), []byte("known")), nil, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	report := verify(t, b.engine, Verification{})
	if diff := gocmp.Diff([]IndexReport{{Name: "tags", Rows: 2}}, report.Indexes); diff != "" || len(report.Problems) > 0 {
		t.Errorf("problems %v, indexes (-want +got):\n%s", report.Problems, diff)
	}
}

// contents returns what is in the files of a directory. LOCK is never anything
// but empty.
func contents(t *testing.T, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := fsys.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fsys.PathJoin(dir, name)
		info, err := fsys.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			maps.Copy(all, contents(t, fsys, path))
			continue
		}
		file, err := fsys.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		all[path] = string(content)
	}
	return all
}

// TestReadOnly opens what a crash left: all that was acknowledged is seen, and
// nothing is changed.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	memory := vfs.NewCrashableMem()
	e := open(t, Config{FS: memory, Indexes: testIndexes()})
	put(t, e, "flushed", "x|")
	if err := e.db.Flush(); err != nil {
		t.Fatal(err)
	}
	someData(t, e)
	crashed := memory.CrashClone(vfs.CrashCloneCfg{})
	if err := disk.WriteFile(crashed, "data/"+checkpointPrefix+"1", ""); err != nil {
		t.Fatal(err)
	}
	before := contents(t, crashed, "data")

	// None of these indexes is in the directory.
	other := []Index{{Name: "other", Values: lengthOf}}
	r := open(t, Config{FS: crashed, Indexes: other, ReadOnly: true})
	report := verify(t, r, Verification{})
	if len(report.Problems) > 0 || report.Keys != 4 || report.Revision != e.Revision() || len(report.Indexes) != 2 {
		t.Errorf("report %+v", report)
	}
	if record, _, err := r.Get(t.Context(), []byte("a"), 0); err != nil || string(record.Value) != "y|2" {
		t.Errorf("got %q and %v", record.Value, err)
	}
	if got := describe(t, r, Query{Index: "tags", IndexValue: []byte("y")}); len(got) != 1 {
		t.Errorf("by an index of the directory: %v", got)
	}
	for name, call := range map[string]func() error{
		"commit":  func() error { _, err := r.Commit(t.Context(), Op{Key: []byte("a")}); return err },
		"compact": func() error { return r.Compact(t.Context(), r.Revision()) },
		"expire":  func() error { return r.Expire(t.Context()) },
	} {
		if err := call(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	if _, err := Open(Config{Dir: "data", FS: crashed}); !errors.Is(err, ErrLocked) {
		t.Errorf("open for writing meanwhile: %v, want ErrLocked", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(before, contents(t, crashed, "data")); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
}

func TestReadOnly_Refuses(t *testing.T) {
	t.Parallel()
	newer := vfs.NewMem()
	if err := errors.Join(newer.MkdirAll("data/db", 0o700), disk.WriteFile(newer, "data/FORMAT", "2\n")); err != nil {
		t.Fatal(err)
	}
	busy := vfs.NewMem()
	open(t, Config{FS: busy})
	empty := vfs.NewMem()
	if err := empty.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	if r, err := Open(Config{Dir: "data", FS: emptyStore(t), ReadOnly: true}); err != nil {
		t.Errorf("an empty store: %v", err)
	} else if err := errors.Join(r.Check(t.Context()), r.Close()); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		fs   vfs.FS
		want error
	}{
		"absent": {vfs.NewMem(), ErrNoData}, "empty": {empty, ErrNoData}, "newer": {newer, ErrNewerFormat}, "in use": {busy, ErrLocked},
	} {
		if _, err := Open(Config{Dir: "data", FS: test.fs, ReadOnly: true}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func emptyStore(t *testing.T) vfs.FS {
	t.Helper()
	memory := vfs.NewMem()
	if err := open(t, Config{FS: memory}).Close(); err != nil {
		t.Fatal(err)
	}
	return memory
}

// TestVerify_DamagedFiles flips a byte in each of two files.
func TestVerify_DamagedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := Config{Dir: dir, Indexes: testIndexes(), manual: true}
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for n := range 100 {
			put(t, e, fmt.Sprintf("key-%04d", n), "x|"+strings.Repeat("v", 10*n))
		}
		if err := e.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	// As it is before Pebble makes one file of them.
	copied := t.TempDir()
	if err := errors.Join(os.CopyFS(copied, os.DirFS(dir)), e.Close()); err != nil {
		t.Fatal(err)
	}
	dir, config.Dir = copied, copied
	files, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v and %v, want two or more", files, err)
	}
	sizes := map[string]int64{}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[path] = info.Size()
	}
	// The largest ones have what is not needed to open the store.
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(sizes[b], sizes[a]) })
	for _, path := range files[:2] {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[100] ^= 0x10
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config.ReadOnly = true
	e, err = Open(config)
	if err != nil {
		t.Fatal(err)
	}
	report := verify(t, e, Verification{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(errors.Join(report.Problems...))
	for _, path := range files[:2] {
		if !strings.Contains(said, "file "+path) {
			t.Errorf("%s is not named in:\n%s", path, said)
		}
	}
	if !strings.Contains(said, "cannot be read behind") || len(report.Problems) > 6 {
		t.Errorf("%d problems:\n%s", len(report.Problems), said)
	}
}

// TestMultisetHash compares sets that differ in one row, or not at all.
func TestMultisetHash(t *testing.T) {
	t.Parallel()
	row := func(n int) []byte { return fmt.Append(nil, "row", n) }
	const rows = 10_000
	for extra := range 50 {
		l := newMultisetHash(rows)
		for n := range rows {
			l.must(row(n))
			l.is(row(rows - 1 - n))
		}
		if !l.agrees() {
			t.Fatal("the same rows in another order do not agree")
		}
		l.is(row(rows + extra))
		if l.agrees() {
			t.Fatalf("an extra row %d is not seen", extra)
		}
		l.must(row(-1))
		var left []string
		if !l.reopen(10, func(row []byte) { left = append(left, string(row)) }) {
			t.Error("reopen does not cover two buckets")
		}
		l.must(row(-1))
		for n := range rows {
			l.must(row(n))
		}
		for n := range rows {
			l.is(row(n))
		}
		l.is(row(rows + extra))
		if diff := gocmp.Diff([]string{string(row(rows + extra))}, left); diff != "" {
			t.Errorf("left over (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff([]string{string(row(-1))}, l.lacking()); diff != "" {
			t.Errorf("lacking (-want +got):\n%s", diff)
		}
	}
}

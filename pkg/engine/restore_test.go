// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// TestRestore_Revisions restores one snapshot twice, as somebody does whose first
// try went wrong. No revision of any life is given out in another one.
func TestRestore_Revisions(t *testing.T) {
	t.Parallel()
	clock := newClock()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory, Now: clock.now})
	someData(t, e)
	file := snapshot(t, e)
	given := map[Revision]string{}
	live := func(e *Engine, name string) {
		for n := range 100 {
			clock.advance(20 * time.Microsecond) // half as often as is reckoned with
			revision := put(t, e, fmt.Sprint("key", n), name)
			if other, twice := given[revision]; twice {
				t.Fatalf("revision %d is given out in %s and in %s", revision, other, name)
			}
			given[revision] = name
		}
	}
	live(e, "the first life")
	last := e.Revision()
	for _, name := range []string{"the second life", "the third life"} {
		fsys := vfs.NewMem()
		restored := restoreTo(t, fsys, "data", clock.now(), file)
		e = open(t, Config{FS: fsys, Now: clock.now, Indexes: testIndexes()})
		if e.Revision() != restored.Revision || e.CompactRevision() != restored.Revision || e.Revision() <= last {
			t.Errorf("%s: revision %d, compactRevision %d, restored %+v; before was %d", name, e.Revision(), e.CompactRevision(), restored, last)
		}
		for _, seen := range []Revision{1, 6, restored.Last, last, restored.Revision - 1} {
			if _, err := e.Subscribe(seen); !errors.Is(err, ErrCompacted) {
				t.Errorf("%s: subscribing after %d: %v, want ErrCompacted", name, seen, err)
			}
			if _, _, err := e.Get(t.Context(), []byte("a"), seen); !errors.Is(err, ErrCompacted) {
				t.Errorf("%s: get at %d: %v, want ErrCompacted", name, seen, err)
			}
		}
		s, err := e.Subscribe(restored.Revision)
		if err != nil {
			t.Fatal(err)
		}
		live(e, name)
		changes, err := s.Next(t.Context())
		if err != nil || changes[0].Revision != restored.Revision+1 {
			t.Errorf("%s: changes %v and %v", name, changes, err)
		}
		last = e.Revision()
	}
	// A snapshot of a restored store, before it was compacted.
	fsys := vfs.NewMem()
	restoreTo(t, fsys, "data", clock.now(), snapshot(t, e))
	again := open(t, Config{FS: fsys, Now: clock.now, Indexes: testIndexes()})
	for _, compact := range []bool{false, true} {
		if compact {
			if err := again.Compact(t.Context(), again.Revision()); err != nil {
				t.Fatal(err)
			}
		}
		if err := again.Check(t.Context()); err != nil {
			t.Errorf("compacted %v: %v", compact, err)
		}
		if diff := gocmp.Diff(describe(t, e, Query{}), describe(t, again, Query{})); diff != "" {
			t.Errorf("compacted %v: content (-want +got):\n%s", compact, diff)
		}
	}
	live(again, "the fourth life")
	if err := errors.Join(again.Close()); err != nil {
		t.Fatal(err)
	}
}

// A restored store goes on above the writes that were possible since the snapshot,
// and not further: an etcd that serves the same clients afterwards has to get there.
func TestRestore_RevisionsAreNotFarAbove(t *testing.T) {
	t.Parallel()
	clock := newClock()
	e := open(t, Config{Now: clock.now})
	someData(t, e)
	file := snapshot(t, e)
	for name, test := range map[string]struct {
		age         time.Duration
		least, most Revision
	}{
		"at once":                 {0, 60_000 * 60, 12_000_000},
		"after a minute":          {time.Minute, 60_000 * 120, 18_000_000},
		"after an hour":           {time.Hour, 60_000 * 3660, 372_000_000},
		"after a week":            {7 * 24 * time.Hour, 60_000 * 7 * 24 * 3600, 61_000_000_000},
		"by a clock that is late": {-30 * time.Second, 60_000 * 60, 12_000_000},
		"by a clock of long ago":  {-1000 * time.Hour, 60_000 * 60, 12_000_000},
	} {
		restored := restoreTo(t, vfs.NewMem(), "data", clock.now().Add(test.age), file)
		if gap := restored.Revision - restored.Last; gap < test.least || gap > test.most {
			t.Errorf("%s: goes on %d above the last revision, want from %d to %d", name, gap, test.least, test.most)
		}
	}
}

// TestRestore_RefusesDamage cuts and alters a snapshot at every place.
func TestRestore_RefusesDamage(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes()})
	someData(t, e)
	file := snapshot(t, e)
	refuses := func(what string, file []byte, want error, says string) {
		t.Helper()
		fsys := vfs.NewMem()
		if err := fsys.MkdirAll("there", 0o700); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"there", "absent/too"} {
			_, err := Restore(t.Context(), RestoreConfig{Dir: dir, FS: fsys}, bytes.NewReader(file))
			if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) {
				t.Errorf("%s: %v, want %v with %q", what, err, want, says)
			}
		}
		if _, err := VerifySnapshot(t.Context(), bytes.NewReader(file)); !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: verified with %v, want %v with %q", what, err, want, says)
		}
		names, err := fsys.List("there")
		if err != nil || len(names) > 0 || disk.Exists(fsys, "absent") {
			t.Errorf("%s: left behind %v and %v, and absent: %v", what, names, err, disk.Exists(fsys, "absent"))
		}
	}
	random := newRand(anySeed(), 0)
	cuts := []int{0, 1, 511, 512, 1024, len(file) - 1, len(file) - 1023, len(file) - 1024, len(file) - 1025}
	for range 50 {
		cuts = append(cuts, random.IntN(len(file)))
	}
	for _, cut := range cuts {
		refuses(fmt.Sprintf("the first %d of %d bytes", cut, len(file)), file[:cut], ErrSnapshot, "")
	}
	for _, at := range flippable(t, file, random.IntN) {
		damaged := bytes.Clone(file)
		damaged[at] ^= 1
		refuses(fmt.Sprintf("byte %d of %d", at, len(file)), damaged, ErrSnapshot, "")
	}
	refuses("something behind the end", append(bytes.Clone(file), 'x'), ErrSnapshot, "follows its end")
	refuses("not a tar file", bytes.Repeat([]byte("nonsense"), 500), ErrSnapshot, "does not begin as a snapshot")
	refuses("a tar file of something else", tarFile(t, "hello", "world"), ErrSnapshot, "does not begin as a snapshot")
	good := `{"snapshotFormat": 1, "dataFormat": 1}`
	refuses("a newer snapshot", tarFile(t, "snapshot.json", `{"snapshotFormat": 2, "dataFormat": 1}`), ErrNewerFormat, "the snapshot has format 2")
	refuses("newer data", tarFile(t, "snapshot.json", `{"snapshotFormat": 1, "dataFormat": 2}`), ErrNewerFormat, "has format 2, this build knows up to 1")
	refuses("no numbers", tarFile(t, "snapshot.json", `{}`), ErrSnapshot, "cannot be read")
	refuses("no JSON", tarFile(t, "snapshot.json", `x`), ErrSnapshot, "cannot be read")
	for _, name := range []string{"../evil", "/evil", "db/../../evil", "other/evil", "db/", "db/.evil", ".evil", "db/x/evil", "snapshot.json"} {
		refuses("file "+name, tarFile(t, "snapshot.json", good, name, "x"), ErrSnapshot, "is not a file of a snapshot")
	}
	refuses("a file twice", tarFile(t, "snapshot.json", good, "db/x", "x", "db/x", "x"), ErrSnapshot, "is not a file of a snapshot")
	sums := fmt.Sprintf("%x  snapshot.json\n%x  db/x\n", sha256.Sum256([]byte(good)), sha256.Sum256([]byte("x")))
	refuses("no FORMAT", tarFile(t, "snapshot.json", good, "db/x", "x", "SHA256SUMS", sums), ErrSnapshot, "it has no file FORMAT")
	refuses("wrong checksums", tarFile(t, "snapshot.json", good, "db/x", "x", "SHA256SUMS", "x"), ErrSnapshot, "the checksum of snapshot.json is another one")
}

// flippable are places of which each is in the content of a file or in a checksum:
// some bytes of a tar file's own say nothing.
func flippable(t *testing.T, file []byte, intN func(int) int) []int {
	t.Helper()
	var places []int
	from := bytes.NewReader(file)
	reader := tar.NewReader(from)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return places
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if header.Size > 0 {
				places = append(places, len(file)-from.Len()+intN(int(header.Size)))
			}
		}
	}
}

// tarFile makes a tar file of names and contents.
func tarFile(t *testing.T, files ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	writer := tar.NewWriter(&file)
	for pair := range slices.Chunk(files, 2) {
		name, content := pair[0], pair[1]
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o600}
		if strings.HasSuffix(name, "/") {
			header.Typeflag, header.Size, content = tar.TypeDir, 0, ""
		}
		err := writer.WriteHeader(header)
		if err == nil {
			_, err = writer.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestRestore_RefusesWhatIsThere(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	someData(t, e)
	file := snapshot(t, e)
	for name, test := range map[string]struct {
		there string
		says  string
	}{
		"a store":             {"data/FORMAT", "data/FORMAT is there"},
		"a file":              {"data/x", "data/x is there"},
		"an unfinished one":   {"data/restore.tmp", "another restore is running, or was interrupted"},
		"what a disk has":     {"data/lost+found", ""},
		"nothing":             {"data", ""},
		"not even that":       {"", ""},
		"a file of that name": {"/data", "data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := vfs.NewMem()
			switch {
			case test.there == "/data":
				if err := disk.WriteFile(fsys, "data", ""); err != nil {
					t.Fatal(err)
				}
			case strings.HasPrefix(test.there, "data/") && test.there != "data/lost+found":
				if err := errors.Join(fsys.MkdirAll("data", 0o700), disk.WriteFile(fsys, test.there, "")); err != nil {
					t.Fatal(err)
				}
			case test.there != "":
				if err := fsys.MkdirAll(test.there, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Restore(t.Context(), RestoreConfig{Dir: "data", FS: fsys}, bytes.NewReader(file))
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || test.there != "/data" && !errors.Is(err, ErrNotEmpty) {
					t.Errorf("got %v, want %q", err, test.says)
				}
				if !disk.Exists(fsys, strings.TrimPrefix(test.there, "/")) {
					t.Error("what was there is gone")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again := open(t, Config{FS: fsys})
			if diff := gocmp.Diff(describe(t, e, Query{}), describe(t, again, Query{})); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRestore_Interrupted takes the disk away after each of its operations that a
// crash may leave: the directory is then refused, or whole.
func TestRestore_Interrupted(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	someData(t, e)
	file := snapshot(t, e)
	want := describe(t, e, Query{})
	memory := &crashAfter{MemFS: vfs.NewCrashableMem()}
	if err := disk.MakeDir(memory, "data"); err != nil {
		t.Fatal(err)
	}
	memory.noting = true
	restored := restoreTo(t, memory, "data", time.Now(), file)
	var outcomes []string
	for i, crashed := range memory.states {
		again, err := Open(Config{Dir: "data", FS: crashed, manual: true})
		switch {
		case errors.Is(err, ErrCorrupt):
			outcomes = append(outcomes, "refused")
			if _, err := Restore(t.Context(), RestoreConfig{Dir: "data", FS: crashed}, bytes.NewReader(file)); !errors.Is(err, ErrNotEmpty) {
				t.Errorf("restoring over state %d: %v, want ErrNotEmpty", i, err)
			}
		case err != nil:
			t.Errorf("state %d: %v", i, err)
		case again.Revision() == firstRevision:
			outcomes = append(outcomes, "empty")
		default:
			outcomes = append(outcomes, "whole")
			if diff := gocmp.Diff(want, describe(t, again, Query{})); diff != "" || again.Revision() != restored.Revision {
				t.Errorf("state %d, revision %d: content (-want +got):\n%s", i, again.Revision(), diff)
			}
		}
		if err == nil {
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	got := slices.Compact(outcomes)
	if diff := gocmp.Diff([]string{"refused", "whole"}, got); diff != "" {
		t.Errorf("outcomes over time (-want +got):\n%s\n%v", diff, outcomes)
	}
}

// crashAfter keeps what a crash would leave after each sync of a directory and
// each renaming.
type crashAfter struct {
	*vfs.MemFS
	mu     sync.Mutex
	noting bool
	states []*vfs.MemFS
}

func (c *crashAfter) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noting {
		all := vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: newRand(1, 1)}
		c.states = append(c.states, c.CrashClone(vfs.CrashCloneCfg{}), c.CrashClone(all))
	}
}

// Rename notes the state behind it.
func (c *crashAfter) Rename(from, to string) error {
	defer c.note()
	return c.MemFS.Rename(from, to)
}

// Create notes the state behind it.
func (c *crashAfter) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	defer c.note()
	return c.MemFS.Create(name, category)
}

// Remove notes the state behind it.
func (c *crashAfter) Remove(name string) error {
	defer c.note()
	return c.MemFS.Remove(name)
}

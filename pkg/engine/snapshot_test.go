// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
)

func snapshot(t *testing.T, e *Engine) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := e.Snapshot(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// restoreTo restores into a directory, absent or empty.
func restoreTo(t *testing.T, fsys vfs.FS, dir string, now time.Time, file []byte) Restored {
	t.Helper()
	restored, err := Restore(t.Context(), RestoreConfig{Dir: dir, FS: fsys, Now: func() time.Time { return now }}, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

// TestSnapshot_Model compares what was restored with the model.
func TestSnapshot_Model(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3, anySeed()} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			m := &modelTest{T: t, rand: newRand(seed, 1), clock: newClock(), key: &lostKey{}, fs: vfs.NewMem(), indexes: 2, model: newModel()}
			m.open()
			defer m.close()
			for range 6 {
				for range 200 {
					m.step()
				}
				m.compareRestored(snapshot(t, m.engine))
			}
		})
	}
}

func (m *modelTest) compareRestored(file []byte) {
	m.Helper()
	fsys := vfs.NewMem()
	restored := restoreTo(m.T, fsys, "restored", m.clock.now(), file)
	if restored.Last != m.model.revision() || restored.Revision < restored.Last+restoreStep {
		m.Fatalf("restored %+v, the newest revision was %d", restored, m.model.revision())
	}
	e, err := Open(Config{Dir: "restored", FS: fsys, Indexes: testIndexes()[:m.indexes], Now: m.clock.now, Retention: -1, manual: true})
	if err != nil {
		m.Fatal(err)
	}
	defer func() { m.compareError("close", nil, e.Close()) }()
	m.compareError("check", nil, e.Check(m.Context()))
	queries := []Query{{}}
	for _, index := range testIndexes()[:m.indexes] {
		for _, value := range []string{"x", "y", "", "3", "4"} {
			queries = append(queries, Query{Index: index.Name, IndexValue: []byte(value)})
		}
	}
	for _, q := range queries {
		got := []Record{}
		at, err := e.List(m.Context(), q, func(r Record) bool {
			r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
			got = append(got, r)
			return true
		})
		m.compareError("list", nil, err)
		m.compare("revision of the list", restored.Revision, at)
		m.compare(fmt.Sprintf("restored list of %+v", q), m.model.list(q, m.clock.now()), got)
	}
	m.compareError("compact", nil, e.Compact(m.Context(), e.Revision()))
	m.compareError("check after compaction", nil, e.Check(m.Context()))
}

// TestSnapshot_UnderWriters makes snapshots on a real disk while others write,
// flush and compact. Each must have all that was acknowledged before it began, and
// nothing in part.
func TestSnapshot_UnderWriters(t *testing.T) {
	t.Parallel()
	e, err := Open(Config{Dir: t.TempDir(), Indexes: testIndexes(), MemTableBytes: 256 << 10, Retention: 50 * time.Millisecond, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	acknowledged := &sync.Map{}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for writer := range 8 {
		running.Go(func() { writeSteadily(ctx, t, e, fmt.Sprint("writer-", writer), acknowledged) })
	}
	var snapshots sync.WaitGroup
	for side := range 2 {
		snapshots.Go(func() {
			for range 12 {
				before := map[string]Revision{}
				acknowledged.Range(func(key, revision any) bool {
					before[key.(string)] = revision.(Revision)
					return true
				})
				checkSnapshot(t, e, before, t.TempDir())
			}
			t.Logf("side %d is through at revision %d", side, e.Revision())
		})
	}
	snapshots.Wait()
	if left, err := filepath.Glob(filepath.Join(e.config.Dir, checkpointPrefix+"*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// writeSteadily writes few keys again and again, with values that fill the log.
func writeSteadily(ctx context.Context, t *testing.T, e *Engine, name string, acknowledged *sync.Map) {
	t.Helper()
	for n := 0; ; n++ {
		key := fmt.Sprint(name, "-", n%50)
		revision, err := e.Commit(ctx, Op{Key: []byte(key), Value: fmt.Append(nil, "x|", n, strings.Repeat("v", n%5000))})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("commit: %v", err)
			return
		}
		acknowledged.Store(key, revision)
	}
}

func checkSnapshot(t *testing.T, e *Engine, before map[string]Revision, dir string) {
	t.Helper()
	at := e.Revision()
	var file bytes.Buffer
	info, err := e.Snapshot(t.Context(), &file)
	if err != nil || info.Revision < at {
		t.Errorf("snapshot: %+v and %v", info, err)
		return
	}
	restored, err := Restore(t.Context(), RestoreConfig{Dir: dir}, &file)
	if err != nil {
		t.Error(err)
		return
	}
	if restored.SnapshotInfo != info || restored.Last < info.Revision {
		t.Errorf("restored %+v of %+v", restored, info)
	}
	r, err := Open(Config{Dir: dir, Indexes: testIndexes(), ReadOnly: true})
	if err != nil {
		t.Error(err)
		return
	}
	for key, revision := range before {
		if record, _, err := r.Get(t.Context(), []byte(key), 0); err != nil || record.Revision < revision {
			t.Errorf("%s is at %d and %v, acknowledged was %d", key, record.Revision, err, revision)
		}
	}
	if err := errors.Join(r.Check(t.Context()), r.Close()); err != nil {
		t.Error(err)
	}
}

// TestSnapshot_LogGrowsMeanwhile copies the log while it is written to, in the way
// that does the most harm: the copy has old content where the log ended and new
// content behind it. Logs have old content because they are used again.
func TestSnapshot_LogGrowsMeanwhile(t *testing.T) {
	t.Parallel()
	disk := &growingLog{FS: vfs.NewMem(), written: map[string]int64{}}
	e := open(t, Config{FS: disk, MemTableBytes: 512 << 10, Indexes: testIndexes()})
	value := "x|" + strings.Repeat("v", 5000)
	fill := func(keys int) {
		for n := range keys {
			put(t, e, fmt.Sprint("key", n), value)
		}
	}
	reused := func() bool {
		disk.mu.Lock()
		defer disk.mu.Unlock()
		return disk.reused
	}
	for !reused() {
		fill(1)
	}
	fill(20)
	before := map[string]Revision{}
	for n := range 20 {
		key := fmt.Sprint("key", n)
		record, _, err := e.Get(t.Context(), []byte(key), 0)
		if err != nil {
			t.Fatal(err)
		}
		before[key] = record.Revision
	}
	disk.mu.Lock()
	disk.atEnd = func() { fill(20) }
	disk.mu.Unlock()
	checkSnapshot(t, e, before, t.TempDir())
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if disk.atEnd != nil {
		t.Error("the end of the log was not copied")
	}
}

// growingLog calls a function when the end of a log has been read, before anything
// behind it is.
type growingLog struct {
	vfs.FS
	mu      sync.Mutex
	written map[string]int64
	// reused says that the newest log has much old content.
	reused bool
	atEnd  func()
}

func isLog(name string) bool {
	return strings.HasPrefix(name, "data/db/") && strings.HasSuffix(name, ".log")
}

// Create counts what is written to a log.
func (g *growingLog) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := g.FS.Create(name, category)
	if err == nil && isLog(name) {
		g.mu.Lock()
		g.reused = false
		g.mu.Unlock()
		file = writtenLog{file, g, name}
	}
	return file, err
}

// ReuseForWrite does so too, and notes whether the log has much old content.
func (g *growingLog) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	info, err := g.Stat(from)
	if err != nil {
		return nil, err
	}
	file, err := g.FS.ReuseForWrite(from, to, category)
	g.mu.Lock()
	g.reused = info.Size() > 200<<10
	g.mu.Unlock()
	return writtenLog{file, g, to}, err
}

// Open returns logs whose end is noticed.
func (g *growingLog) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := g.FS.Open(name, opts...)
	if err == nil && isLog(name) {
		file = &readLog{File: file, disk: g, name: name}
	}
	return file, err
}

type writtenLog struct {
	vfs.File
	disk *growingLog
	name string
}

// Write counts.
func (f writtenLog) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.written[f.name] += int64(n)
	return n, err
}

type readLog struct {
	vfs.File
	disk *growingLog
	name string
	read int64
}

// Read notices the end.
func (f *readLog) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.disk.mu.Lock()
	end, atEnd := f.disk.written[f.name], f.disk.atEnd
	passed := f.read <= end && f.read+int64(n) > end
	if passed {
		f.disk.atEnd = nil
	}
	f.disk.mu.Unlock()
	f.read += int64(n)
	if passed && atEnd != nil {
		atEnd()
	}
	return n, err
}

// TestSnapshot_ReadOnly makes one of what a crash left.
func TestSnapshot_ReadOnly(t *testing.T) {
	t.Parallel()
	memory := vfs.NewCrashableMem()
	e := open(t, Config{FS: memory, Indexes: testIndexes()})
	someData(t, e)
	crashed := memory.CrashClone(vfs.CrashCloneCfg{})
	if err := writeSynced(crashed, "data/more", "kept beside"); err != nil {
		t.Fatal(err)
	}
	before := contents(t, crashed, "data")
	r := open(t, Config{FS: crashed, ReadOnly: true})
	file := snapshot(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(before, contents(t, crashed, "data")); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
	fsys := vfs.NewMem()
	restored := restoreTo(t, fsys, "data", time.Now(), file)
	if restored.Last != e.Revision() || restored.SnapshotInfo.Revision != e.Revision() || restored.Keys != 3 {
		t.Errorf("restored %+v", restored)
	}
	again := open(t, Config{FS: fsys, Indexes: testIndexes()})
	if diff := gocmp.Diff(describe(t, e, Query{}), describe(t, again, Query{})); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if got := contents(t, fsys, "data")["data/more"]; got != "kept beside" {
		t.Errorf("the other file has %q", got)
	}
}

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
			clock.advance(10 * time.Microsecond)
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
		if e.Revision() != restored.Revision || e.Horizon() != restored.Revision || e.Revision() <= last {
			t.Errorf("%s: revision %d, horizon %d, restored %+v; before was %d", name, e.Revision(), e.Horizon(), restored, last)
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
		if _, err := VerifySnapshot(bytes.NewReader(file)); !errors.Is(err, want) {
			t.Errorf("%s: verified with %v, want %v", what, err, want)
		}
		names, err := fsys.List("there")
		if err != nil || len(names) > 0 || exists(fsys, "absent") {
			t.Errorf("%s: left behind %v and %v, and absent: %v", what, names, err, exists(fsys, "absent"))
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
	refuses("a tar file of something else", archive(t, "hello", "world"), ErrSnapshot, "does not begin as a snapshot")
	good := `{"snapshotFormat": 1, "dataFormat": 1}`
	refuses("a newer snapshot", archive(t, "snapshot.json", `{"snapshotFormat": 2, "dataFormat": 1}`), ErrNewerFormat, "the snapshot has format 2")
	refuses("newer data", archive(t, "snapshot.json", `{"snapshotFormat": 1, "dataFormat": 2}`), ErrNewerFormat, "has format 2, this build knows up to 1")
	refuses("no numbers", archive(t, "snapshot.json", `{}`), ErrSnapshot, "cannot be read")
	refuses("no JSON", archive(t, "snapshot.json", `x`), ErrSnapshot, "cannot be read")
	for _, name := range []string{"../evil", "/evil", "db/../../evil", "other/evil", "db/", "db/.evil", ".evil", "db/x/evil", "snapshot.json"} {
		refuses("file "+name, archive(t, "snapshot.json", good, name, "x"), ErrSnapshot, "is not a file of a snapshot")
	}
	refuses("a file twice", archive(t, "snapshot.json", good, "db/x", "x", "db/x", "x"), ErrSnapshot, "is not a file of a snapshot")
	refuses("wrong checksums", archive(t, "snapshot.json", good, "db/x", "x", "SHA256SUMS", "x"), ErrSnapshot, "the checksum of snapshot.json is another one")
}

// flippable are places of which each is in the content of a file or in a checksum:
// some bytes of a tar file's own say nothing.
func flippable(t *testing.T, file []byte, intN func(int) int) []int {
	t.Helper()
	var places []int
	from := &countingReader{r: bytes.NewReader(file)}
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
				places = append(places, int(from.n)+intN(int(header.Size)))
			}
		}
	}
}

// archive makes a tar file of names and contents.
func archive(t *testing.T, files ...string) []byte {
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
				if err := writeSynced(fsys, "data", ""); err != nil {
					t.Fatal(err)
				}
			case strings.HasPrefix(test.there, "data/") && test.there != "data/lost+found":
				if err := errors.Join(fsys.MkdirAll("data", 0o700), writeSynced(fsys, test.there, "")); err != nil {
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
				if !exists(fsys, strings.TrimPrefix(test.there, "/")) {
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
	if err := makeDir(memory, "data"); err != nil {
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

// TestSnapshot_Ends ends one that nobody reads.
func TestSnapshot_Ends(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(e *Engine, cancel func())
		want error
	}{
		"cancelled":     {func(_ *Engine, cancel func()) { cancel() }, context.Canceled},
		"disk is full":  {func(e *Engine, _ func()) { e.space.short.Store(true) }, ErrNoSpace},
		"engine closed": {func(e *Engine, _ func()) { go func() { _ = e.Close() }(); <-e.stopping }, ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := vfs.NewMem()
			e := open(t, Config{FS: memory})
			put(t, e, "a", strings.Repeat("v", 1<<20))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := sync.OnceFunc(func() { test.end(e, cancel) })
			_, err := e.Snapshot(ctx, writerFunc(func(p []byte) (int, error) {
				begun()
				return len(p), nil
			}))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if exists(memory, "data/"+checkpointPrefix+"1") {
				t.Error("its checkpoint is left")
			}
			if _, err := e.Snapshot(ctx, io.Discard); !errors.Is(err, test.want) {
				t.Errorf("another one: %v, want %v", err, test.want)
			}
		})
	}
}

type writerFunc func(p []byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestSnapshot_LeftOver is one that a kill interrupted.
func TestSnapshot_LeftOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := Config{Dir: dir, manual: true}
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "a", "x|")
	left, _, err := e.checkpoint()
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old checkpoint is still there: %v", err)
	}
	if err := errors.Join(e.Check(t.Context()), e.Close()); err != nil {
		t.Error(err)
	}
}

// TestSnapshot_TarAndSums reads one as people without this program would.
func TestSnapshot_TarAndSums(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	someData(t, e)
	reader := tar.NewReader(bytes.NewReader(snapshot(t, e)))
	files := map[string]string{}
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
	if !strings.Contains(files["snapshot.json"], `"revision": 7,`) || files["FORMAT"] != "1\n" {
		t.Errorf("snapshot.json is %s, FORMAT is %q", files["snapshot.json"], files["FORMAT"])
	}
	var named []string
	for line := range strings.Lines(files["SHA256SUMS"]) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		named = append(named, name)
	}
	delete(files, "SHA256SUMS")
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(files)), slices.Sorted(slices.Values(named))); diff != "" {
		t.Errorf("files and what SHA256SUMS names:\n%s", diff)
	}
}

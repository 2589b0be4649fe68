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

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
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
	if restored.Last != m.model.revision() || restored.Revision < restored.Last+possibleWrites(0) {
		m.Fatalf("restored %+v, the newest revision was %d", restored, m.model.revision())
	}
	e, err := Open(Config{Dir: "restored", FS: fsys, Indexes: testIndexes()[:m.indexes], Now: m.clock.now, HistoryRetention: -1, manual: true})
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
	e, err := Open(Config{Dir: t.TempDir(), Indexes: testIndexes(), MemTableBytes: 256 << 10, HistoryRetention: 50 * time.Millisecond, MinFreeBytes: -1})
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

// TestSnapshot_ReadOnly makes one of what a crash left.
func TestSnapshot_ReadOnly(t *testing.T) {
	t.Parallel()
	memory := vfs.NewCrashableMem()
	e := open(t, Config{FS: memory, Indexes: testIndexes()})
	someData(t, e)
	crashed := memory.CrashClone(vfs.CrashCloneCfg{})
	if err := disk.WriteFile(crashed, "data/more", "kept beside"); err != nil {
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

// TestSnapshot_Ends ends one that nobody reads.
func TestSnapshot_Ends(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(e *Engine, cancel func())
		want error
	}{
		"cancelled":     {func(_ *Engine, cancel func()) { cancel() }, context.Canceled},
		"disk is full":  {func(e *Engine, _ func()) { e.space.SetFull(true) }, ErrLowSpace},
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
			if disk.Exists(memory, "data/"+checkpointPrefix+"1") {
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

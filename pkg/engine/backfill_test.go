// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	gocmp "github.com/google/go-cmp/cmp"
)

// backfillTest is a directory with records from before its indexes, some of which
// cannot be read while the key is lost: those of even length.
type backfillTest struct {
	*testing.T
	memory *vfs.MemFS
	key    *lostKey
	engine *Engine
	told   []string
}

// newBackfillTest stores the records "key=value" without index, and opens the
// directory with one while the key is lost.
func newBackfillTest(t *testing.T, records ...[2]string) *backfillTest {
	t.Helper()
	b := &backfillTest{T: t, memory: vfs.NewMem(), key: &lostKey{}}
	b.engine = open(t, Config{FS: b.memory})
	for _, record := range records {
		put(t, b.engine, record[0], record[1])
	}
	b.key.lost.Store(true)
	b.reopen()
	return b
}

// reopen opens the directory with the index and waits for the end of the first try
// to build it.
func (b *backfillTest) reopen() {
	b.Helper()
	if err := b.engine.Close(); err != nil {
		b.Fatal(err)
	}
	b.told = nil
	b.engine = open(b.T, Config{FS: b.memory, Indexes: b.key.indexes()[:1], Listener: Listener{
		IndexBlocked: func(name string, versions int, reason error) {
			b.told = append(b.told, fmt.Sprint(name, " ", versions, " ", errors.Is(reason, errLostKey)))
		},
	}})
	b.engine.backgroundWork.Wait()
}

// listed returns the keys that a list by the tag yields.
func listed(t *testing.T, e *Engine, tag string, at Revision, from string) []string {
	t.Helper()
	keys := []string{}
	query := Query{Index: "tags", IndexValue: []byte(tag), At: at, From: []byte(from)}
	if _, err := e.List(t.Context(), query, func(r Record) bool {
		keys = append(keys, string(r.Key))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func (b *backfillTest) wantList(tag, from string, want ...string) {
	b.Helper()
	if got := listed(b.T, b.engine, tag, 0, from); !slices.Equal(got, want) {
		b.Errorf("list of %q from %q: %q, want %q", tag, from, got, want)
	}
	if err := b.engine.Check(b.Context()); err != nil {
		b.Error(err)
	}
}

// again tries to build the index once more.
func (b *backfillTest) again() {
	b.Helper()
	if err := b.engine.newBackfill().pass(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func TestUnreadableRecordsBlockAnIndex(t *testing.T) {
	t.Parallel()
	b := newBackfillTest(t, [2]string{"a", "x|1"}, [2]string{"b", "x|22"}, [2]string{"c", "y|3"}, [2]string{"d", "y|44"}, [2]string{"e", "x|5"})
	if b.engine.IndexReady("tags") {
		t.Fatal("the index is ready")
	}
	if diff := gocmp.Diff([]string{"tags 2 true"}, b.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	// What cannot be read is in every list.
	b.wantList("x", "", "a", "b", "d", "e")
	b.wantList("x", "c", "d", "e")
	b.wantList("y", "", "b", "c", "d")
	b.wantList("z", "", "b", "d")

	// A new version of it stores its values.
	op := Op{Key: []byte("b"), Value: []byte("z|66"), IndexValues: [][][]byte{{[]byte("z")}}}
	if _, err := b.engine.Commit(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	b.wantList("x", "", "a", "d", "e")
	b.wantList("z", "", "b", "d")

	b.key.lost.Store(false)
	// A list by scanning is right at once.
	b.wantList("x", "", "a", "e")
	b.wantList("y", "", "c", "d")
	b.again()
	if !b.engine.IndexReady("tags") {
		t.Error("the index is not ready although all records can be read")
	}
	b.wantList("x", "", "a", "e")
	b.wantList("y", "", "c", "d")
	b.wantList("z", "", "b")
	// Nothing is taken from values any more.
	b.key.lost.Store(true)
	b.reopen()
	if !b.engine.IndexReady("tags") || len(b.told) > 0 {
		t.Errorf("not ready after a restart: %v", b.told)
	}
	b.wantList("y", "", "c", "d")
}

// TestUnreadableRecordsAreCompacted removes such records of all kinds. Compaction
// must neither stop at them nor leave anything of them behind.
func TestUnreadableRecordsAreCompacted(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"unreadable from the beginning": true, "unreadable later": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backfillTest{T: t, memory: vfs.NewMem(), key: &lostKey{}}
			b.engine = open(t, Config{FS: b.memory})
			put(t, b.engine, "deleted", "x|11")
			put(t, b.engine, "replaced", "x|22")
			put(t, b.engine, "both", "x|33")
			put(t, b.engine, "both", "y|444")
			put(t, b.engine, "stays", "x|555")
			b.key.lost.Store(lost)
			b.reopen()
			b.key.lost.Store(true)

			ops := []Op{{Key: []byte("deleted")}, {Key: []byte("replaced"), Value: []byte("z|66"), IndexValues: [][][]byte{{[]byte("z")}}}}
			for _, op := range ops {
				if _, err := b.engine.Commit(t.Context(), op); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.engine.Compact(t.Context(), b.engine.Revision()); err != nil {
				t.Fatal(err)
			}
			if ready := b.engine.IndexReady("tags"); ready == lost {
				t.Errorf("ready: %v", ready)
			}
			// What is left can be read, so nothing blocks the index any more.
			b.again()
			if !b.engine.IndexReady("tags") {
				t.Error("the index is not ready although nothing unreadable is left")
			}
			b.wantList("x", "", "stays")
			b.wantList("y", "", "both")
			b.wantList("z", "", "replaced")
		})
	}
}

// TestBuildOfAnIndexIsRetried fails to read, then cannot take some values. The
// running engine builds the index when neither is the case any more, and tries less
// and less often until then.
func TestBuildOfAnIndexIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var unreadable atomic.Bool
		key := &lostKey{}
		disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if unreadable.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsRead && strings.HasSuffix(op.Path, ".sst") {
				return errorfs.ErrInjected
			}
			return nil
		}))
		config := Config{Dir: "data", FS: disk, HistoryRetention: -1}
		e, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		// More than a block of a file, so that the second part of them has to be read.
		const keys = 4 * backfillChunk
		for n := range keys {
			put(t, e, fmt.Sprint("key", n), "x|"+strings.Repeat("v", 510))
		}
		closeEngine(t, e)

		failures, blocked, built := 0, 0, 0
		config.Indexes = key.indexes()[:1]
		values := config.Indexes[0].Values
		config.Indexes[0].Values = func(key, value []byte) ([][]byte, error) {
			// The disk fails when the build has begun, and not yet when Open reads.
			if failures == 0 {
				unreadable.Store(true)
			}
			return values(key, value)
		}
		config.Listener = Listener{
			BackgroundError: func(doing string, err error) {
				if doing == "building indexes" && errors.Is(err, errorfs.ErrInjected) {
					failures++
				}
			},
			IndexBlocked: func(_ string, versions int, reason error) {
				blocked++
				if versions > keys || versions < keys/2 || !errors.Is(reason, errLostKey) {
					t.Errorf("blocked by %d versions of %d: %v", versions, keys, reason)
				}
			},
			IndexBuilt: func(string, time.Duration) { built++ },
		}
		if e, err = Open(config); err != nil {
			t.Fatal(err)
		}
		defer closeEngine(t, e)
		// At once, after ten seconds, after twenty more, after forty more.
		<-time.After(7*firstRetry + time.Second)
		synctest.Wait()
		if failures != 4 || blocked != 0 || built != 0 || e.IndexReady("tags") {
			t.Fatalf("%d failures, want 4; blocked %d times, built %d times, ready %v", failures, blocked, built, e.IndexReady("tags"))
		}
		key.lost.Store(true)
		unreadable.Store(false)
		// After eighty more, and twice that.
		<-time.After(24 * firstRetry)
		synctest.Wait()
		if failures != 4 || blocked != 2 || built != 0 || e.IndexReady("tags") {
			t.Fatalf("%d failures, want 4; blocked %d times, want 2; built %d times, ready %v", failures, blocked, built, e.IndexReady("tags"))
		}
		key.lost.Store(false)
		<-time.After(32 * firstRetry)
		synctest.Wait()
		if built != 1 || blocked != 2 || !e.IndexReady("tags") {
			t.Fatalf("built %d times, blocked %d times, ready %v", built, blocked, e.IndexReady("tags"))
		}
		if found := len(listed(t, e, "x", 0, "")); found != keys {
			t.Errorf("the index leads to %d keys, want %d", found, keys)
		}
		if err := e.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBackfillKeepsHistory lists at every revision while an index is built, and
// afterwards: superseded versions have their rows, too.
func TestBackfillKeepsHistory(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory})
	// More versions of a key than a chunk has.
	const versions = 3*backfillChunk + 1
	want := map[Revision]string{}
	put(t, e, "other", "x|")
	for n := range versions {
		tag := fmt.Sprint("tag", n%5)
		want[put(t, e, "key", tag+"|")] = tag
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	built, ask := make(chan struct{}), make(chan struct{})
	slow := testIndexes()[:1]
	slow[0].Values = func(key, value []byte) ([][]byte, error) {
		<-ask
		return tagsOf(key, value)
	}
	e = open(t, Config{FS: memory, Indexes: slow, Listener: Listener{IndexBuilt: func(string, time.Duration) { close(built) }}})
	check := func() {
		t.Helper()
		for at, tag := range want {
			if got := listed(t, e, tag, at, ""); !slices.Equal(got, []string{"key"}) {
				t.Errorf("list of %s at %d: %q", tag, at, got)
			}
			if got := listed(t, e, "none", at, ""); len(got) > 0 {
				t.Errorf("list of another tag at %d: %q", at, got)
			}
		}
	}
	go func() {
		// Enough for a chunk and a half.
		for range backfillChunk * 3 / 2 {
			ask <- struct{}{}
		}
		close(ask)
	}()
	check()
	<-built
	check()
	if err := errors.Join(e.Check(t.Context()), e.Compact(t.Context(), e.Revision()), e.Check(t.Context())); err != nil {
		t.Error(err)
	}
	// Of all these rows one is needed still.
	report := verify(t, e, Verification{})
	if rows := report.Indexes[0].Rows; rows != 2 {
		t.Errorf("%d index rows, want 2", rows)
	}
}

// TestBackfillBesideWriters replaces, deletes and compacts what is being indexed.
func TestBackfillBesideWriters(t *testing.T) {
	t.Parallel()
	for name, indexes := range map[string][]Index{"new indexes": nil, "indexes of an earlier build": testIndexes()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backfillBesideWriters(t, indexes)
		})
	}
}

// backfillBesideWriters begins with a directory that has the indexes, but without
// the flag that this build sets.
func backfillBesideWriters(t *testing.T, indexes []Index) {
	t.Helper()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory, Indexes: indexes})
	const keys = 20 * backfillChunk
	for n := range keys {
		put(t, e, fmt.Sprintf("key%05d", n), "x|")
	}
	for _, x := range e.indexes {
		if err := e.db.Set(metaKey(metaIndex+x.name), []byte{byte(x.id), indexReady}, pebble.Sync); err != nil { //nolint:gosec // it is one of two indexes
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	built := make(chan struct{})
	e = open(t, Config{FS: memory, Indexes: testIndexes(), Listener: Listener{IndexBuilt: func(name string, _ time.Duration) {
		if name == "length" {
			close(built)
		}
	}}})
	var writers sync.WaitGroup
	var written atomic.Int64
	for w := range 4 {
		writers.Go(func() {
			r := newRand(1, uint64(w)) //nolint:gosec // not negative
			for done := false; !done; written.Add(1) {
				select {
				case <-built:
					done = true
				default:
				}
				op := Op{Key: fmt.Appendf(nil, "key%05d", r.IntN(keys)), Value: []byte([]string{"x|", "y|", "x,y|"}[r.IntN(3)])}
				if r.IntN(8) == 0 {
					op.Value = nil
				}
				if _, err := e.Commit(t.Context(), op); err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		if err := e.Compact(t.Context(), e.Revision()); err != nil {
			t.Error(err)
		}
	}
	writers.Wait()
	if err := errors.Join(e.Check(t.Context()), e.Compact(t.Context(), e.Revision()), e.Check(t.Context())); err != nil {
		t.Errorf("after %d writes: %v", written.Load(), err)
	}
}

// TestBackfillSurvivesCrashes crashes after some of the chunks, again and again.
func TestBackfillSurvivesCrashes(t *testing.T) {
	t.Parallel()
	memory := vfs.NewCrashableMem()
	e := open(t, Config{FS: memory})
	const keys = 6 * backfillChunk
	for n := range keys {
		put(t, e, fmt.Sprintf("key%05d", n), "x|")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	r := newRand(anySeed(), 0)
	for crashes := 0; ; crashes++ {
		var asked atomic.Int64
		reached := make(chan struct{}, 1)
		until := int64(backfillChunk * (1 + crashes))
		indexes := testIndexes()[:1]
		indexes[0].Values = func(key, value []byte) ([][]byte, error) {
			if asked.Add(1) == until {
				reached <- struct{}{}
			}
			return tagsOf(key, value)
		}
		opened := open(t, Config{FS: memory, Indexes: indexes})
		ended := make(chan struct{})
		go func() {
			opened.backgroundWork.Wait()
			close(ended)
		}()
		select {
		case <-reached:
			memory = memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
			continue
		case <-ended:
		}
		if found := len(listed(t, opened, "x", 0, "")); found != keys {
			t.Errorf("after %d crashes the index leads to %d keys, want %d", crashes, found, keys)
		}
		if err := opened.Check(t.Context()); err != nil {
			t.Error(err)
		}
		return
	}
}

// TestBackfillWaitsForSpace begins on a disk that is nearly full.
func TestBackfillWaitsForSpace(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory})
	put(t, e, "a", "x|")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, Config{FS: memory, Indexes: testIndexes()})
	e.backgroundWork.Wait()
	b := e.newBackfill()
	if len(b.indexes) > 0 {
		t.Fatal("indexes are not ready")
	}
	b.indexes = []*pendingIndex{{index: e.indexes[0]}}
	e.space.SetFull(true)
	if err := b.pass(t.Context()); !errors.Is(err, ErrLowSpace) || b.from == nil {
		t.Errorf("got %v, want ErrLowSpace", err)
	}
	e.space.SetFull(false)
	if err := b.pass(t.Context()); err != nil || b.from != nil {
		t.Errorf("got %v when there is room", err)
	}
}

// TestIndexesOfEarlierBuilds opens a directory in which indexes were built without
// their values being stored in versions. One has rows of keys whose values could
// not be taken, and the other one rows that no version has a value for.
func TestIndexesOfEarlierBuilds(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"key there": false, "key lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format-1-unstored"))); err != nil {
				t.Fatal(err)
			}
			key := &lostKey{}
			key.lost.Store(lost)
			config := Config{Dir: dir, Indexes: key.indexes(), manual: true}
			asIs := config
			asIs.ReadOnly = true
			e, err := Open(asIs)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range verify(t, e, Verification{}).Indexes {
				if x.Ready {
					t.Errorf("index %s is ready", x.Name)
				}
			}
			if err := errors.Join(e.Check(t.Context()), e.Close()); err != nil {
				t.Fatal(err)
			}

			if e, err = Open(config); err != nil {
				t.Fatal(err)
			}
			defer closeEngine(t, e)
			e.backgroundWork.Wait()
			var hidden []string
			if lost {
				hidden = []string{"hidden"}
			}
			if e.IndexReady("tags") == lost || e.IndexReady("length") == lost {
				t.Errorf("ready: %v and %v", e.IndexReady("tags"), e.IndexReady("length"))
			}
			check := func(tag string, at Revision, want ...string) {
				t.Helper()
				if got := listed(t, e, tag, at, ""); !slices.Equal(got, want) {
					t.Errorf("list of %s at %d: %q, want %q", tag, at, got, want)
				}
			}
			check("x", 0, "a", "hidden")
			check("y", 0, append([]string{"b"}, hidden...)...)
			check("y", 8, append([]string{"a"}, hidden...)...)
			check("z", 0, append(hidden, "replaced")...)
			if err := e.Check(t.Context()); err != nil {
				t.Error(err)
			}
			key.lost.Store(false)
			if err := e.newBackfill().pass(t.Context()); err != nil {
				t.Error(err)
			}
			check("x", 0, "a", "hidden")
			check("y", 8, "a")
			iter, err := e.newIter([]byte{spaceRetired}, spaceEnd(spaceRetired))
			if err != nil {
				t.Fatal(err)
			}
			if iter.First() {
				t.Errorf("there still is %q", iter.Key())
			}
			if err := errors.Join(iter.Close(), e.Check(t.Context()), e.Compact(t.Context(), e.Revision()), e.Check(t.Context())); err != nil {
				t.Error(err)
			}
			for _, x := range verify(t, e, Verification{}).Indexes {
				if !x.Ready {
					t.Errorf("index %s is not ready", x.Name)
				}
			}
		})
	}
}

// TestClosesWhileIndexIsBuilt closes the engine in the middle of values that
// take for ever to be told.
func TestClosesWhileIndexIsBuilt(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory})
	put(t, e, "a", "x|")
	put(t, e, "b", "x|")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	slow := Index{Name: "slow", Values: func(_, _ []byte) ([][]byte, error) {
		asked <- struct{}{}
		<-answer
		return nil, errLostKey
	}}
	e = open(t, Config{FS: memory, Indexes: []Index{slow}})
	<-asked
	// Writers do not wait for it.
	op := Op{Key: []byte("c"), Value: []byte("x|"), IndexValues: [][][]byte{nil}}
	if _, err := e.Commit(t.Context(), op); err != nil {
		t.Error(err)
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	<-e.stopping
	for e.inFlight.begin() == nil {
		e.inFlight.end()
	}
	answer <- struct{}{}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if len(asked) > 0 {
		t.Error("went on after close")
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// These tests run in bubbles, in which time passes only while everything waits.
// A bubble also fails when a goroutine is left at its end: what Open starts,
// Close must have ended.

func openInBackground(t *testing.T, config Config) *Engine {
	t.Helper()
	config.Dir, config.FS = "data", vfs.NewMem()
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func closeEngine(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestExpiresByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		expired := 0
		e := openInBackground(t, Config{Listener: Listener{Expired: func(keys int) { expired += keys }}})
		defer closeEngine(t, e)
		const keys = 3*expireChunk + 1
		for n := range keys {
			op := Op{Key: fmt.Append(nil, n), Value: []byte("v"), Deadline: time.Now().Add(time.Minute)}
			if _, err := e.Commit(t.Context(), op); err != nil {
				t.Fatal(err)
			}
		}
		s, err := e.Subscribe(e.Revision())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(59 * time.Second)
		if n, err := e.Count(t.Context(), nil); n != keys || err != nil {
			t.Errorf("before the deadline %d keys and %v, want %d", n, err, keys)
		}
		<-time.After(1 * time.Second)
		if _, _, err := e.Get(t.Context(), []byte("0"), 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("get at the deadline: %v, want ErrNotFound", err)
		}
		for seen := 0; seen < keys; {
			changes, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				if !c.Deleted || !c.Expired || string(c.PrevValue) != "v" {
					t.Fatalf("change %+v, want an expiry", c)
				}
			}
			seen += len(changes)
		}
		if n, err := e.Count(t.Context(), nil); n != 0 || err != nil {
			t.Errorf("after the deadline %d keys and %v, want none", n, err)
		}
		synctest.Wait()
		if expired != keys {
			t.Errorf("the listener was told of %d keys, want %d", expired, keys)
		}
	})
}

func TestCompactsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const retention = 5 * time.Minute
		var told []Revision
		e := openInBackground(t, Config{HistoryRetention: retention, Listener: Listener{
			Compacted: func(compactRevision Revision, _ int, _ time.Duration) { told = append(told, compactRevision) },
		}})
		defer closeEngine(t, e)
		// The first target is the revision of now.
		synctest.Wait()
		old := put(t, e, "a", "1")
		newer := put(t, e, "a", "2")
		read := func() error {
			_, _, err := e.Get(t.Context(), []byte("a"), old)
			return err
		}
		<-time.After(retention - time.Second)
		if err := read(); err != nil {
			t.Errorf("an old revision within the retention: %v", err)
		}
		<-time.After(retention + 2*time.Second)
		synctest.Wait()
		if err := read(); !errors.Is(err, ErrCompacted) {
			t.Errorf("an old revision after the retention: %v, want ErrCompacted", err)
		}
		if _, _, err := e.Get(t.Context(), []byte("a"), newer); err != nil {
			t.Errorf("the newest revision after the retention: %v", err)
		}
		if fmt.Sprint(told) != fmt.Sprint([]Revision{newer}) {
			t.Errorf("the listener was told of %v, want %v", told, newer)
		}
		if err := e.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// However long compactions take, what was replaced stays readable for as long as
// the retention says.
func TestCompactsByItself_NotTooSoonAfterALongOne(t *testing.T) {
	t.Parallel()
	for name, long := range map[string]float64{"as long as meant": compactWithin, "longer than the retention": 1.5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testLongCompactions(t, long) })
		})
	}
}

func testLongCompactions(t *testing.T, long float64) {
	const retention = 5 * time.Minute
	compactions := 0
	e := openInBackground(t, Config{HistoryRetention: retention, Listener: Listener{
		// It has not ended before this returns.
		Compacted: func(Revision, int, time.Duration) {
			compactions++
			<-time.After(time.Duration(long * float64(retention)))
		},
	}})
	defer closeEngine(t, e)
	type replaced struct {
		revision Revision
		at       time.Time
	}
	var history []replaced
	last := put(t, e, "a", "first")
	for n := range 80 {
		// Not when a compaction begins, which may come first or last then.
		<-time.After(retention/10 + time.Millisecond)
		synctest.Wait()
		for _, r := range history {
			_, _, err := e.Get(t.Context(), []byte("a"), r.revision)
			age := time.Since(r.at)
			if age < retention && err != nil {
				t.Errorf("%s after it was replaced: %v", age, err)
			}
			if bound := time.Duration((2 + long) * float64(retention)); age > bound && !errors.Is(err, ErrCompacted) {
				t.Errorf("%s after it was replaced: %v, want ErrCompacted", age, err)
			}
		}
		if age := time.Since(e.Stats().CompactRevisionTime); compactions > 0 && age < retention {
			t.Errorf("the compactRevision was the newest revision only %s ago", age)
		}
		next := put(t, e, "a", strconv.Itoa(n))
		history = append(history, replaced{last, time.Now()})
		last = next
	}
	if compactions < 3 {
		t.Errorf("there were %d compactions", compactions)
	}
}

func TestBuildsIndexByItself(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory})
	const keys = 3*backfillChunk + 1
	for n := range keys {
		put(t, e, fmt.Sprint("key", n), "x|")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	built := make(chan string, 2)
	e = open(t, Config{FS: memory, Indexes: testIndexes(), Listener: Listener{IndexBuilt: func(name string, _ time.Duration) { built <- name }}})
	names := []string{<-built, <-built}
	if fmt.Sprint(names) != "[tags length]" || !e.IndexReady("tags") || !e.IndexReady("length") || e.IndexReady("other") {
		t.Errorf("built %v", names)
	}
	n := 0
	if _, err := e.List(t.Context(), Query{Index: "tags", IndexValue: []byte("x")}, func(Record) bool { n++; return true }); err != nil || n != keys {
		t.Errorf("list by the new index: %d and %v, want %d", n, err, keys)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := e.List(t.Context(), Query{Index: "other"}, func(Record) bool { return true })
	if !errors.Is(err, ErrUnknownIndex) {
		t.Errorf("list by an index that is not declared: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	none := func(_, _ []byte) ([][]byte, error) { return nil, nil }
	for name, config := range map[string]Config{
		"no directory":      {},
		"index without f":   {Dir: "d", Indexes: []Index{{Name: "a"}}},
		"index without n":   {Dir: "d", Indexes: []Index{{Values: none}}},
		"index named twice": {Dir: "d", Indexes: []Index{{Name: "a", Values: none}, {Name: "a", Values: none}}},
	} {
		if _, err := Open(config); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, err := (Config{Dir: "d", Indexes: []Index{{Name: "a", Values: none}}}).complete(); err != nil {
		t.Error(err)
	}
}

func TestCommitRefuses(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes()})
	for name, op := range map[string]Op{
		"no key":               {Value: []byte("v")},
		"long key":             {Key: make([]byte, MaxKeyBytes+1), Value: []byte("v")},
		"long value":           {Key: []byte("k"), Value: make([]byte, MaxValueBytes+1)},
		"values of one index":  {Key: []byte("k"), Value: []byte("v"), IndexValues: [][][]byte{nil}},
		"long value for index": {Key: []byte("k"), Value: []byte("v"), IndexValues: [][][]byte{nil, {make([]byte, MaxIndexValueBytes+1)}}},
	} {
		if _, err := e.Commit(t.Context(), op); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if e.Revision() != firstRevision {
		t.Errorf("revision %d after refusals, want %d", e.Revision(), firstRevision)
	}
}

// TestRevisionsGoOn opens a directory in which compaction has left no trace of
// the newest revision but its own note.
func TestRevisionsGoOn(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory})
	put(t, e, "a", "1")
	last, err := e.Commit(t.Context(), Op{Key: []byte("a")})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Compact(t.Context(), last), e.Close()); err != nil {
		t.Fatal(err)
	}
	e = open(t, Config{FS: memory})
	if e.Revision() != last || e.CompactRevision() != last {
		t.Errorf("revision %d and compactRevision %d after open, want both %d", e.Revision(), e.CompactRevision(), last)
	}
	if next := put(t, e, "a", "2"); next != last+1 {
		t.Errorf("the next revision is %d, want %d", next, last+1)
	}
}

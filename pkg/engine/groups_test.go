// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// awaitCounts waits until the keys have been counted.
func awaitCounts(t *testing.T, e *Engine) {
	t.Helper()
	eventually(t, func() error {
		e.groups.lock.RLock()
		defer e.groups.lock.RUnlock()
		if !e.groups.ready {
			return errors.New("keys are still being counted")
		}
		return nil
	})
}

// wantCounts compares what is known with what there is, by reading it.
func wantCounts(t *testing.T, e *Engine, prefixes ...string) {
	t.Helper()
	for _, prefix := range prefixes {
		want := int64(0)
		if _, err := e.List(t.Context(), Query{Prefix: []byte(prefix)}, func(Record) bool { want++; return true }); err != nil {
			t.Fatal(err)
		}
		if got, known, err := e.KnownCount([]byte(prefix)); got != want || !known || err != nil {
			t.Errorf("%q: %d keys, known %v, %v; there are %d", prefix, got, known, err, want)
		}
	}
}

func TestKnownCount(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	config := Config{FS: memory, Separator: '/'}
	e := open(t, config)
	awaitCounts(t, e)
	prefixes := []string{"", "/", "/a/", "/a/b/", "/ab/", "/none/"}
	for _, key := range []string{"/a/1", "/a/2", "/a/b/1", "/ab/1", "/a/", "plain"} {
		put(t, e, key, "v|")
	}
	put(t, e, "/a/1", "another value|")
	wantCounts(t, e, prefixes...)
	for _, key := range []string{"/a/1", "/ab/1"} {
		if _, err := e.Commit(t.Context(), Op{Key: []byte(key)}); err != nil {
			t.Fatal(err)
		}
	}
	wantCounts(t, e, prefixes...)
	put(t, e, "/a/1", "again|")
	for _, prefix := range []string{"/a", "/a/b", "pl"} {
		if _, known, err := e.KnownCount([]byte(prefix)); known || err != nil {
			t.Errorf("%q: known %v and %v, want unknown", prefix, known, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, config)
	awaitCounts(t, e)
	wantCounts(t, e, prefixes...)

	// As many groups as are too many.
	e.groups.lock.Lock()
	for n := range mostGroups {
		e.groups.add(fmt.Appendf(nil, "/%d/key", n), 1)
	}
	e.groups.lock.Unlock()
	put(t, e, "/new/key", "v|")
	if _, known, err := e.KnownCount([]byte("/a/")); known || err != nil {
		t.Errorf("with too many groups: known %v and %v", known, err)
	}
	if got, err := e.Count(t.Context(), []byte("/a/")); got != 4 || err != nil {
		t.Errorf("counted %d and %v, want 4", got, err)
	}
}

// TestKnownCount_AfterARestart has more keys than are read at once, all of which
// expire, or none, or some.
func TestKnownCount_AfterARestart(t *testing.T) {
	t.Parallel()
	for _, expire := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("one in %d expires", expire), func(t *testing.T) {
			t.Parallel()
			testKnownCountAfterARestart(t, func(n int) bool { return expire > 0 && n%expire == 0 })
		})
	}
}

func testKnownCountAfterARestart(t *testing.T, expires func(n int) bool) {
	t.Helper()
	const keys = 2*countChunk + 10
	config := Config{FS: vfs.NewMem(), Separator: '/'}
	e := open(t, config)
	var writers sync.WaitGroup
	for part := range 16 {
		writers.Go(func() {
			for n := part; n < keys; n += 16 {
				op := Op{Key: fmt.Appendf(nil, "/%d/%d", n%2, n), Value: []byte("v|")}
				if expires(n) {
					op.Deadline = e.Deadline(time.Hour)
				}
				if _, err := e.Commit(t.Context(), op); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if _, err := e.Commit(t.Context(), Op{Key: []byte("/1/7")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, config)
	awaitCounts(t, e)
	wantCounts(t, e, "/", "/0/", "/1/", "/2/")
}

// TestKnownCount_UnderWriters counts again and again, while keys come, are replaced, deleted and expire.
func TestKnownCount_UnderWriters(t *testing.T) {
	t.Parallel()
	for name, life := range map[string]time.Duration{"keys expire": time.Hour, "keys do not expire": 0, "some expire at once": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testKnownCountUnderWriters(t, life)
		})
	}
}

func testKnownCountUnderWriters(t *testing.T, life time.Duration) {
	t.Helper()
	const writers, rounds, keysOfEach = 8, 25, 40
	e := openInBackground(t, Config{HistoryRetention: time.Second, Separator: '/'})
	defer closeEngine(t, e)
	awaitCounts(t, e)
	seed := anySeed()
	t.Logf("seed %d", seed)
	prefixes := []string{"/", "/g/"}
	var writing sync.WaitGroup
	for writer := range writers {
		prefixes = append(prefixes, fmt.Sprintf("/g/%d/", writer))
		random := newRand(seed, uint64(writer))
		writing.Go(func() {
			for n := range rounds * keysOfEach {
				var deadline time.Time
				if life > 0 && (life > time.Second || n%3 == 0) {
					deadline = e.Deadline(life)
				}
				key := fmt.Appendf(nil, "/g/%d/%d", random.IntN(writers), n)
				ops := []Op{{Key: key, Value: []byte("v"), Deadline: deadline}, {Key: key, Value: []byte("w"), Deadline: deadline}}
				if n%keysOfEach != 0 {
					ops = append(ops, Op{Key: key})
				}
				for _, op := range ops {
					if _, err := e.Commit(t.Context(), op); err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("writing %s: %v", key, err)
					}
				}
			}
		})
	}
	written := make(chan struct{})
	go func() {
		writing.Wait()
		close(written)
	}()
	for done := false; !done; {
		// What is written while this counts is in the counts of the round.
		if err := e.countKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-written:
			done = true
		default:
		}
	}
	awaitCounts(t, e)
	if err := e.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, e, prefixes...)
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
)

// undecidedTest is a directory with records from before its indexes, some of
// which are hidden while the key is lost: those of even length.
type undecidedTest struct {
	*testing.T
	memory *vfs.MemFS
	key    *lostKey
	engine *Engine
	told   []string
}

// newUndecidedTest stores the records "key=value" without index, and opens the
// directory with one while the key is lost.
func newUndecidedTest(t *testing.T, records ...[2]string) *undecidedTest {
	t.Helper()
	u := &undecidedTest{T: t, memory: vfs.NewMem(), key: &lostKey{}}
	u.engine = open(t, Config{FS: u.memory})
	for _, record := range records {
		put(t, u.engine, record[0], record[1])
	}
	u.key.lost.Store(true)
	u.reopen()
	return u
}

// reopen opens the directory with the index and waits until it is built.
func (u *undecidedTest) reopen() {
	u.Helper()
	if err := u.engine.Close(); err != nil {
		u.Fatal(err)
	}
	u.told = nil
	u.engine = open(u.T, Config{FS: u.memory, Indexes: u.key.indexes()[:1], Listener: Listener{
		IndexUndecided: func(name string, keys int, reason error) {
			u.told = append(u.told, fmt.Sprint(name, " ", keys, " ", errors.Is(reason, errLostKey)))
		},
	}})
	u.engine.byItself.Wait()
}

// list returns what a list by the tag yields.
func (u *undecidedTest) list(tag, from string) []string {
	u.Helper()
	keys := []string{}
	_, err := u.engine.List(u.Context(), Query{Index: "tags", IndexValue: []byte(tag), From: []byte(from)}, func(r Record) bool {
		keys = append(keys, string(r.Key))
		return true
	})
	if err != nil {
		u.Fatal(err)
	}
	return keys
}

func (u *undecidedTest) wantList(tag, from string, want ...string) {
	u.Helper()
	if got := u.list(tag, from); !slices.Equal(got, want) {
		u.Errorf("list of %q from %q: %q, want %q", tag, from, got, want)
	}
	if err := u.engine.Check(u.Context()); err != nil {
		u.Error(err)
	}
}

func (u *undecidedTest) compact() {
	u.Helper()
	if err := u.engine.Compact(u.Context(), u.engine.Revision()); err != nil {
		u.Fatal(err)
	}
}

// rows counts the undecided rows.
func (u *undecidedTest) rows() int {
	u.Helper()
	iter, err := u.engine.newIter([]byte{spaceUndecided}, spaceEnd(spaceUndecided))
	if err != nil {
		u.Fatal(err)
	}
	n := 0
	for iter.First(); iter.Valid(); iter.Next() {
		n++
	}
	if err := iter.Close(); err != nil {
		u.Fatal(err)
	}
	return n
}

func TestHiddenRecordsAreInEveryListByAnIndex(t *testing.T) {
	t.Parallel()
	u := newUndecidedTest(t, [2]string{"a", "x|1"}, [2]string{"b", "x|22"}, [2]string{"c", "y|3"}, [2]string{"d", "y|44"}, [2]string{"e", "x|5"})
	if !u.engine.IndexReady("tags") {
		t.Fatal("the index is not ready")
	}
	if diff := gocmp.Diff([]string{"tags 2 true"}, u.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	u.wantList("x", "", "a", "b", "d", "e")
	u.wantList("x", "c", "d", "e")
	u.wantList("y", "", "b", "c", "d")
	u.wantList("z", "", "b", "d")

	// A new version of a hidden record says its values.
	op := Op{Key: []byte("b"), Value: []byte("z|66"), IndexValues: [][][]byte{{[]byte("z")}}}
	if _, err := u.engine.Commit(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	u.wantList("x", "", "a", "d", "e")
	u.wantList("z", "", "b", "d")

	u.key.lost.Store(false)
	// The rows are the same, but they can be read.
	u.wantList("x", "", "a", "e")
	u.wantList("y", "", "c", "d")
	if u.rows() != 2 {
		t.Errorf("%d undecided rows, want 2", u.rows())
	}
	for _, x := range u.engine.indexes {
		if err := u.engine.decide(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	u.wantList("y", "", "c", "d")
	if u.rows() != 0 || u.engine.anyUndecided() {
		t.Errorf("%d undecided rows, want none", u.rows())
	}
	u.reopen()
	if u.engine.anyUndecided() || len(u.told) > 0 {
		t.Errorf("undecided again after a restart: %v", u.told)
	}
}

// TestHiddenRecordsAreCompacted removes hidden records of all kinds. Compaction
// must neither stop at them nor leave anything of them behind for good.
func TestHiddenRecordsAreCompacted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// lost says whether the key is lost while the index is built.
		lost bool
		// leftovers is whether rows remain until the index is built anew.
		leftovers bool
	}{
		"hidden from the beginning": {true, false},
		"hidden later":              {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &undecidedTest{T: t, memory: vfs.NewMem(), key: &lostKey{}}
			u.engine = open(t, Config{FS: u.memory})
			put(t, u.engine, "deleted", "x|11")
			put(t, u.engine, "replaced", "x|22")
			put(t, u.engine, "both", "x|33")
			put(t, u.engine, "both", "y|44")
			put(t, u.engine, "stays", "x|55")
			u.key.lost.Store(test.lost)
			u.reopen()
			u.key.lost.Store(true)

			ops := []Op{{Key: []byte("deleted")}, {Key: []byte("replaced"), Value: []byte("z|66"), IndexValues: [][][]byte{{[]byte("z")}}}}
			for _, op := range ops {
				if _, err := u.engine.Commit(t.Context(), op); err != nil {
					t.Fatal(err)
				}
			}
			u.compact()
			if err := u.engine.Check(t.Context()); err != nil {
				t.Error(err)
			}
			if got := u.engine.indexes[0].leftovers.Load(); got != test.leftovers {
				t.Errorf("leftovers: %v, want %v", got, test.leftovers)
			}
			before := u.engine.indexes[0].id
			u.key.lost.Store(false)
			u.reopen()
			u.wantList("x", "", "stays")
			u.wantList("y", "", "both")
			u.wantList("z", "", "replaced")
			if anew := u.engine.indexes[0].id != before; anew != test.leftovers {
				t.Errorf("built anew: %v, want %v", anew, test.leftovers)
			}
			if rows := u.rows(); test.leftovers && rows > 0 {
				t.Errorf("%d undecided rows in an index built when nothing was hidden", rows)
			}
		})
	}
}

// TestHiddenRecordsAreTriedAgain waits for the engine to do so by itself.
func TestHiddenRecordsAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory, key := vfs.NewMem(), &lostKey{}
		config := Config{Dir: "data", FS: memory, Retention: -1}
		e, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		const keys = 2*buildChunk + 1
		for n := range keys {
			put(t, e, fmt.Sprint("key", n), "x|22")
		}
		closeEngine(t, e)
		key.lost.Store(true)
		told := 0
		config.Indexes = key.indexes()[:1]
		config.Listener.IndexUndecided = func(_ string, left int, _ error) {
			told++
			if left != keys {
				t.Errorf("told of %d keys, want %d", left, keys)
			}
		}
		if e, err = Open(config); err != nil {
			t.Fatal(err)
		}
		defer closeEngine(t, e)
		// After a minute, after two more, after four more.
		<-time.After(3*firstDecision + time.Second)
		synctest.Wait()
		if told != 3 {
			t.Errorf("told %d times, want 3: once when built, and after each try", told)
		}
		key.lost.Store(false)
		<-time.After(4 * firstDecision)
		synctest.Wait()
		if e.anyUndecided() {
			t.Error("still undecided")
		}
		if err := e.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
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
	for e.calls.begin() == nil {
		e.calls.end()
	}
	answer <- struct{}{}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if len(asked) > 0 {
		t.Error("went on after close")
	}
}

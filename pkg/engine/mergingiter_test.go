// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// endOf indexes a record under the last byte of its value, and upTo matches some
// of these.
func endOf(_, value []byte) ([][]byte, error) { return [][]byte{value[len(value)-1:]}, nil }

func upTo(most byte) func([]byte) bool {
	return func(value []byte) bool { return value[0] <= most }
}

func keysOf(t *testing.T, e *Engine, q Query) []string {
	t.Helper()
	keys := []string{}
	if _, err := e.List(t.Context(), q, func(r Record) bool { keys = append(keys, string(r.Key)); return true }); err != nil {
		t.Fatal(err)
	}
	return keys
}

func commit(t *testing.T, e *Engine, key, value string) Revision {
	t.Helper()
	op := Op{Key: []byte(key)}
	if value != "" {
		op.Value = []byte(value)
	}
	revision, err := e.Commit(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// Lists of several values must be in order and whole, however many keys each
// value has.
func TestIndexMatch_ListsTheKeysOfAllValuesInOrder(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	few := open(t, Config{FS: fs, Indexes: []Index{{Name: "end", Values: endOf, LowCardinality: true}}})
	many := open(t, Config{FS: vfs.NewMem(), Indexes: []Index{{Name: "end", Values: endOf}}})
	for i := range 3 * mostAhead {
		for _, e := range []*Engine{few, many} {
			commit(t, e, fmt.Sprintf("/%d/%05d", i%7, i*7919%10007), fmt.Sprintf("value %c", 'a'+i%5))
		}
	}
	for _, e := range []*Engine{few, many} {
		commit(t, e, "/1/07919", "value e")
	}
	check := func(e *Engine) {
		t.Helper()
		for _, q := range []Query{
			{IndexMatch: upTo('d')},
			{IndexMatch: upTo('a')},
			{IndexMatch: upTo('0')},
			{IndexMatch: upTo('d'), Prefix: []byte("/3/")},
			{IndexMatch: upTo('d'), From: []byte("/4/05000")},
			{IndexMatch: upTo('d'), At: 1000},
		} {
			q.Index = "end"
			got, want := keysOf(t, e, q), keysOf(t, many, q)
			if !slices.Equal(got, want) {
				t.Errorf("%+v: got %d keys, want %d, or in another order", q, len(got), len(want))
			}
		}
	}
	check(few)
	if err := few.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, Config{FS: fs, Indexes: []Index{{Name: "end", Values: endOf, LowCardinality: true}}}))
}

// A list by an index with LowCardinality looks at nothing else.
func TestIndexMatch_LooksAtMatchesAlone(t *testing.T) {
	t.Parallel()
	asked := 0
	e := open(t, Config{FS: vfs.NewMem(), Indexes: []Index{{Name: "end", Values: endOf, LowCardinality: true}}})
	for i := range 1000 {
		commit(t, e, fmt.Sprintf("/%05d", i), fmt.Sprintf("value %c", 'a'+i%10))
	}
	keys := keysOf(t, e, Query{Index: "end", IndexMatch: func(value []byte) bool { asked++; return value[0] == 'c' }})
	if len(keys) != 100 || asked > 10+100 {
		t.Errorf("got %d keys after asking %d times, want 100 after 110", len(keys), asked)
	}
}

// Too many values must cost time, and never a record.
func TestIndexMatch_ManyValues(t *testing.T) {
	t.Parallel()
	whole := func(_, value []byte) ([][]byte, error) { return [][]byte{value}, nil }
	e := open(t, Config{FS: vfs.NewMem(), HistoryRetention: -1, Indexes: []Index{{Name: "whole", Values: whole, LowCardinality: true}}})
	const values = mostFewValues + 10
	ops := make([]Op, 0, values)
	for i := range values {
		ops = append(ops, Op{Key: fmt.Appendf(nil, "/%05d", i), Value: fmt.Appendf(nil, "%05d", i)})
	}
	commitAll(t, e, ops)
	match := Query{Index: "whole", IndexMatch: func(value []byte) bool { return bytes.HasPrefix(value, []byte("0100")) }}
	if got := keysOf(t, e, match); len(got) != 10 {
		t.Errorf("with too many values: got %v", got)
	}
	if _, ok := e.indexes[0].valuesOf(match); ok {
		t.Errorf("more than %d values are still kept", mostFewValues)
	}

	// When the values are gone they take no place any more.
	deletions := make([]Op, 0, values)
	for _, op := range ops[2000:] {
		deletions = append(deletions, Op{Key: op.Key})
	}
	commitAll(t, e, deletions)
	if err := e.Compact(t.Context(), e.Revision()); err != nil {
		t.Fatal(err)
	}
	if kept, ok := e.indexes[0].valuesOf(match); !ok || len(kept) != 10 {
		t.Errorf("after a compaction: kept %d matching values, %v", len(kept), ok)
	}
	if got := keysOf(t, e, match); len(got) != 10 {
		t.Errorf("after a compaction: got %v", got)
	}
}

func commitAll(t *testing.T, e *Engine, ops []Op) {
	t.Helper()
	errs := make(chan error, len(ops))
	for _, op := range ops {
		go func() {
			_, err := e.Commit(t.Context(), op)
			errs <- err
		}()
	}
	for range ops {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

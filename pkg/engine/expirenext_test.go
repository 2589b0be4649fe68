// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestNextToExpire(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	memory := vfs.NewMem()
	config := Config{FS: memory, Now: func() time.Time { return now }}
	e := open(t, config)
	write := func(key string, value []byte, after time.Duration) {
		t.Helper()
		op := Op{Key: []byte(key), Value: value}
		if after != 0 {
			op.Deadline = now.Add(after)
		}
		if _, err := e.Commit(t.Context(), op); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, want string) {
		t.Helper()
		if err := e.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := "none"
		record, err := e.NextToExpire(t.Context())
		if err == nil {
			got = fmt.Sprintf("%s=%s at %d", record.Key, record.Value, record.Deadline.Unix())
		} else if !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	expect("empty", "none")
	write("for ever", []byte("v"), 0)
	expect("no deadline", "none")
	write("b", []byte("v"), 20*time.Second)
	write("a", []byte("v"), 10*time.Second)
	expect("two", "a=v at 1010")
	write("a", []byte("w"), 30*time.Second)
	expect("the first is written again", "b=v at 1020")
	write("c", []byte("v"), 5*time.Second)
	expect("an earlier deadline", "c=v at 1005")
	write("c", nil, 0)
	expect("the first is deleted", "b=v at 1020")

	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, config)
	expect("after a restart", "b=v at 1020")
	now = now.Add(20 * time.Second)
	expect("the first has expired", "a=w at 1030")
	write("a", nil, 0)
	expect("the last is deleted", "none")
}

// TestNextToExpireIsOverdue is about an engine that cannot remove what is due.
// That must show.
func TestNextToExpireIsOverdue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := open(t, Config{Now: func() time.Time { return now }})
	if _, err := e.Commit(t.Context(), Op{Key: []byte("a"), Value: []byte("v"), Deadline: now.Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if err := e.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = e.fail(errors.New("broken disk"))
	now = now.Add(time.Hour)
	if err := e.Expire(t.Context()); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if record, err := e.NextToExpire(t.Context()); err != nil || string(record.Key) != "a" {
		t.Errorf("got %q and %v, want the key that is overdue", record.Key, err)
	}
}

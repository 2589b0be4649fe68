// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A request that its caller has left is still the writer's: the next caller must
// get another one, and its own revision.
func TestCommit_AfterACallerHasLeft(t *testing.T) {
	t.Parallel()
	var armed atomic.Bool
	entered, proceed := make(chan struct{}), make(chan struct{})
	// The writer asks for the time when it has taken a request.
	now := func() time.Time {
		if armed.CompareAndSwap(true, false) {
			close(entered)
			<-proceed
		}
		return time.Now()
	}
	e, err := Open(Config{Dir: "data", FS: vfs.NewMem(), Now: now, manual: true})
	if err != nil {
		t.Fatal(err)
	}
	commitAndCheck(t, e, "first")
	ctx, leave := context.WithCancel(t.Context())
	armed.Store(true)
	left := make(chan error)
	go func() {
		_, err := e.Commit(ctx, Op{Key: []byte("left"), Value: []byte("left")})
		left <- err
	}()
	<-entered
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("leaving: %v", err)
	}
	close(proceed)
	for _, key := range []string{"third", "fourth"} {
		commitAndCheck(t, e, key)
	}
	record, _, err := e.Get(t.Context(), []byte("left"), 0)
	if err != nil || string(record.Value) != "left" {
		t.Errorf("the write of the caller that left: %q, %v", record.Value, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func commitAndCheck(t *testing.T, e *Engine, key string) {
	t.Helper()
	revision, err := e.Commit(t.Context(), Op{Key: []byte(key), Value: []byte(key), Expect: Absent()})
	if err != nil {
		t.Fatal(err)
	}
	record, _, err := e.Get(t.Context(), []byte(key), 0)
	if err != nil || record.Revision != revision || string(record.Value) != key {
		t.Fatalf("%s was committed at %d; read %q at %d, %v", key, revision, record.Value, record.Revision, err)
	}
}

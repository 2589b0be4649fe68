// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// The build of an index that fails is tried again by the running engine, and less
// and less often. Keys that turn out undecided in a later try are decided, too.
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
		config := Config{Dir: "data", FS: disk, Retention: -1}
		e, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		// More than a block of a file, so that the second part of them has to be read.
		const keys = 4 * buildChunk
		for n := range keys {
			put(t, e, fmt.Sprint("key", n), "x|"+strings.Repeat("v", 510))
		}
		closeEngine(t, e)

		// Read by the goroutine that decides keys, too, which nothing orders after the build.
		var failures, built atomic.Int32
		config.Indexes = key.indexes()[:1]
		values := config.Indexes[0].Values
		config.Indexes[0].Values = func(key, value []byte) ([][]byte, error) {
			// The disk fails when the build has begun, and not yet when Open reads.
			if built.Load() == 0 && failures.Load() == 0 {
				unreadable.Store(true)
			}
			return values(key, value)
		}
		config.Listener = Listener{
			BackgroundError: func(doing string, err error) {
				if doing == "building index tags" && errors.Is(err, errorfs.ErrInjected) {
					failures.Add(1)
				}
			},
			IndexBuilt: func(string, time.Duration) { built.Add(1) },
		}
		if e, err = Open(config); err != nil {
			t.Fatal(err)
		}
		defer closeEngine(t, e)
		// At once, after ten seconds, after twenty more, after forty more.
		<-time.After(7*firstRebuild + time.Second)
		synctest.Wait()
		if failures.Load() != 4 || built.Load() != 0 || e.IndexReady("tags") {
			t.Fatalf("%d failures, want 4; built %d times, ready %v", failures.Load(), built.Load(), e.IndexReady("tags"))
		}
		key.lost.Store(true)
		unreadable.Store(false)
		<-time.After(8 * firstRebuild)
		synctest.Wait()
		if failures.Load() != 4 || built.Load() != 1 || !e.IndexReady("tags") || !e.anyUndecided() {
			t.Fatalf("%d failures, want 4; built %d times, ready %v, undecided %v", failures.Load(), built.Load(), e.IndexReady("tags"), e.anyUndecided())
		}
		key.lost.Store(false)
		<-time.After(8 * firstDecision)
		synctest.Wait()
		found := 0
		if _, err := e.List(t.Context(), Query{Index: "tags", IndexValue: []byte("x")}, func(Record) bool { found++; return true }); err != nil {
			t.Fatal(err)
		}
		if found != keys || e.anyUndecided() {
			t.Errorf("the index leads to %d keys, want %d; undecided %v", found, keys, e.anyUndecided())
		}
		if err := e.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

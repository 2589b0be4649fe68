// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const retention = time.Minute
		opened := time.Now()
		e := openInBackground(t, Config{HistoryRetention: retention})
		synctest.Wait()
		value := []byte("some value")
		put(t, e, "key", "other")
		put(t, e, "key", string(value))
		if err := e.db.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Get(t.Context(), []byte("key"), 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stats := e.Stats()
		if stats.DiskBytes == 0 || stats.ChangeBufferBytes == 0 || stats.CacheHits+stats.CacheMisses == 0 {
			t.Errorf("no sizes: %+v", stats)
		}
		want := Stats{Keys: 1, Bytes: 3 + 10, Revision: firstRevision + 2, CompactRevision: firstRevision, CompactRevisionTime: opened}
		check := func(when string) {
			t.Helper()
			stats := e.Stats()
			stats.DiskBytes, stats.FreeBytes, stats.ChangeBufferBytes, stats.CacheHits, stats.CacheMisses = 0, 0, 0, 0, 0
			if stats != want {
				t.Errorf("%s: %+v, want %+v", when, stats, want)
			}
		}
		check("at first")
		<-time.After(retention + time.Second)
		synctest.Wait()
		// What was the newest revision when the engine was opened.
		check("after the first compaction")
		<-time.After(retention)
		synctest.Wait()
		want.CompactRevision, want.CompactRevisionTime = want.Revision, opened.Add(retention)
		check("after the second compaction")
		closeEngine(t, e)
		if stats := e.Stats(); stats != (Stats{}) {
			t.Errorf("after Close: %+v", stats)
		}
	})
}

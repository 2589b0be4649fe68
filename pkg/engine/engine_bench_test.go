// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

//nolint:gochecknoglobals // flags of the test binary
var benchKeys = flag.Int("bench.keys", 20_000, "records in the store for the benchmarks of reads")

// benchRecord looks like an event: words that repeat, names and ids that do
// not, about 900 bytes.
func benchRecord(i int) Op {
	n := uint64(i) //nolint:gosec // a count
	r := newRand(n, 7)
	pod := n / 5
	uid := fmt.Sprintf("%016x-%016x", newRand(pod, 1).Uint64(), pod)
	name := fmt.Sprintf("web-frontend-%010x-%05x", pod%1000, pod)
	namespace := fmt.Sprintf("team-%03d", pod%100)
	reasons := []string{"Scheduled", "Pulled", "Created", "Started", "BackOff"}
	reason := reasons[n%5]
	kind := "Normal"
	if reason == "BackOff" {
		kind = "Warning"
	}
	var value bytes.Buffer
	fmt.Fprintf(&value, "k8s\x00\n\x1aevents.k8s.io/v1 Event %s.%016x %s uid=%016x%016x created=%d ", name, r.Uint64(), namespace, r.Uint64(), r.Uint64(), 1767225600+n)
	fmt.Fprintf(&value, "managedFields kube-controller Update events.k8s.io/v1 FieldsV1 {\"f:action\":{},\"f:eventTime\":{},\"f:note\":{},\"f:reason\":{},\"f:regarding\":{},\"f:reportingController\":{},\"f:reportingInstance\":{},\"f:type\":{}} ")
	fmt.Fprintf(&value, "%s %s kubelet kubelet-node-%04d Pod %s %s %s v1 resourceVersion=%d spec.containers{web} ", reason, kind, r.IntN(5000), namespace, name, uid, n)
	fmt.Fprintf(&value, "Successfully did something to the image registry.example.com/shop/web:v1.%d in %d.%ds (%d.%ds including waiting). Image size: %d bytes.", r.IntN(50), r.IntN(9), r.IntN(999), r.IntN(9), r.IntN(999), r.Uint32())
	fmt.Fprintf(&value, " deprecatedSource kubelet node deprecatedFirstTimestamp %d deprecatedLastTimestamp %d count %d", n, n, 1)
	return Op{
		Key:   fmt.Appendf(nil, "/events/%s/%s.%016x", namespace, name, r.Uint64()),
		Value: value.Bytes(),
		IndexValues: [][][]byte{
			{[]byte(uid)}, {[]byte(name)}, {[]byte("Pod")}, {[]byte(reason)}, {[]byte(kind)}, {[]byte("kubelet")},
		},
	}
}

func openBench(b *testing.B, dir string) *Engine {
	b.Helper()
	none := func(_, _ []byte) ([][]byte, error) { return nil, nil }
	var indexes []Index
	for _, name := range []string{"uid", "name", "kind", "reason", "type", "controller"} {
		indexes = append(indexes, Index{Name: name, Values: none})
	}
	e, err := Open(Config{Dir: dir, Indexes: indexes})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func closeBench(b *testing.B, e *Engine) {
	b.Helper()
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}

// residentBytes is the memory of this process.
func residentBytes(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("no /proc: ", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

// fill commits records from many goroutines.
func fill(b *testing.B, e *Engine, from, n int, deadline time.Time) {
	b.Helper()
	var next atomic.Int64
	var writers sync.WaitGroup
	for range 64 {
		writers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				op := benchRecord(from + i)
				op.Expect, op.Deadline = Absent(), deadline
				if _, err := e.Commit(b.Context(), op); err != nil {
					b.Errorf("commit: %v", err)
					return
				}
			}
		})
	}
	writers.Wait()
}

func BenchmarkCommit(b *testing.B) {
	for _, scenario := range []struct {
		name     string
		deadline time.Time
	}{
		{"64 writers", time.Time{}},
		{"64 writers with deadlines", time.Now().Add(168 * time.Hour)},
	} {
		b.Run(scenario.name, func(b *testing.B) {
			e := openBench(b, b.TempDir())
			defer closeBench(b, e)
			b.ReportAllocs()
			b.ResetTimer()
			fill(b, e, 0, b.N, scenario.deadline)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	e := openBench(b, dir)
	begun := time.Now()
	fill(b, e, 0, *benchKeys, time.Now().Add(168*time.Hour))
	b.Logf("filled with %d records: %.0f a second", *benchKeys, float64(*benchKeys)/time.Since(begun).Seconds())
	stats := e.Stats()
	b.Logf("%.1f MiB of keys and values take %.1f MiB on disk, %.1f MiB resident", float64(stats.Bytes)/mib, float64(stats.DiskBytes)/mib, residentBytes(b)/mib)
	closeBench(b, e)
	begun = time.Now()
	e = openBench(b, dir)
	defer closeBench(b, e)
	b.Logf("opened in %s", time.Since(begun))
	defer func() { b.Logf("%.1f MiB resident at the end", residentBytes(b)/mib) }()
	list := func(b *testing.B, q Query, limit int) {
		b.Helper()
		n := 0
		if _, err := e.List(b.Context(), q, func(Record) bool { n++; return n < limit }); err != nil {
			b.Fatal(err)
		}
		if n != limit {
			b.Fatalf("%d records, want %d", n, limit)
		}
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, _, err := e.Get(b.Context(), benchRecord(i%*benchKeys).Key, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("index list of 5", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			op := benchRecord(i * 5 % *benchKeys)
			list(b, Query{Prefix: []byte("/events/"), Index: "uid", IndexValue: op.IndexValues[0][0]}, 5)
		}
	})
	b.Run("page of 500", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			list(b, Query{Prefix: []byte("/events/")}, 500)
		}
	})
	b.Run("page of 500 by index", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			list(b, Query{Prefix: []byte("/events/"), Index: "type", IndexValue: []byte("Warning")}, 500)
		}
	})
}

// BenchmarkCommitDuringExpiry compares with BenchmarkCommit: as many keys as are
// committed expire meanwhile.
func BenchmarkCommitDuringExpiry(b *testing.B) {
	e := openBench(b, b.TempDir())
	defer closeBench(b, e)
	fill(b, e, 0, *benchKeys, time.Now())
	b.ResetTimer()
	before := e.Stats().Keys
	fill(b, e, *benchKeys, b.N, time.Time{})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(before+int64(b.N)-e.Stats().Keys)/b.Elapsed().Seconds(), "expired/s")
}

// BenchmarkCompact works through the creations and the deletions of keys.
func BenchmarkCompact(b *testing.B) {
	e := openBench(b, b.TempDir())
	defer closeBench(b, e)
	fill(b, e, 0, b.N, time.Now())
	if err := e.Expire(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := e.Compact(b.Context(), e.Revision()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(e.Revision())/b.Elapsed().Seconds(), "changes/s")
}

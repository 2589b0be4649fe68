// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestSnapshot_LogGrowsMeanwhile copies the log while it is written to, in the way
// that does the most harm: the copy has old content where the log ended and new
// content behind it. Logs have old content because they are used again.
func TestSnapshot_LogGrowsMeanwhile(t *testing.T) {
	t.Parallel()
	disk := &growingLog{FS: vfs.NewMem(), written: map[string]int64{}}
	e := open(t, Config{FS: disk, MemTableBytes: 512 << 10, Indexes: testIndexes()})
	value := "x|" + strings.Repeat("v", 5000)
	fill := func(keys int) {
		for n := range keys {
			put(t, e, fmt.Sprint("key", n), value)
		}
	}
	reused := func() bool {
		disk.mu.Lock()
		defer disk.mu.Unlock()
		return disk.reused
	}
	for !reused() {
		fill(1)
	}
	fill(20)
	before := map[string]Revision{}
	for n := range 20 {
		key := fmt.Sprint("key", n)
		record, _, err := e.Get(t.Context(), []byte(key), 0)
		if err != nil {
			t.Fatal(err)
		}
		before[key] = record.Revision
	}
	disk.mu.Lock()
	disk.atEnd = func() { fill(20) }
	disk.mu.Unlock()
	checkSnapshot(t, e, before, t.TempDir())
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if disk.atEnd != nil {
		t.Error("the end of the log was not copied")
	}
}

// growingLog calls a function when the end of a log has been read, before anything
// behind it is.
type growingLog struct {
	vfs.FS
	mu      sync.Mutex
	written map[string]int64
	// reused says that the newest log has much old content.
	reused bool
	atEnd  func()
}

func isLog(name string) bool {
	return strings.HasPrefix(name, "data/db/") && strings.HasSuffix(name, ".log")
}

// Create counts what is written to a log.
func (g *growingLog) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := g.FS.Create(name, category)
	if err == nil && isLog(name) {
		g.mu.Lock()
		g.reused = false
		g.mu.Unlock()
		file = writtenLog{file, g, name}
	}
	return file, err
}

// ReuseForWrite does so too, and notes whether the log has much old content.
func (g *growingLog) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	info, err := g.Stat(from)
	if err != nil {
		return nil, err
	}
	file, err := g.FS.ReuseForWrite(from, to, category)
	g.mu.Lock()
	g.reused = info.Size() > 200<<10
	g.mu.Unlock()
	return writtenLog{file, g, to}, err
}

// Open returns logs whose end is noticed.
func (g *growingLog) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := g.FS.Open(name, opts...)
	if err == nil && isLog(name) {
		file = &readLog{File: file, disk: g, name: name}
	}
	return file, err
}

type writtenLog struct {
	vfs.File
	disk *growingLog
	name string
}

// Write counts.
func (f writtenLog) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.written[f.name] += int64(n)
	return n, err
}

type readLog struct {
	vfs.File
	disk *growingLog
	name string
	read int64
}

// Read notices the end.
func (f *readLog) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.disk.mu.Lock()
	end, atEnd := f.disk.written[f.name], f.disk.atEnd
	passed := f.read <= end && f.read+int64(n) > end
	if passed {
		f.disk.atEnd = nil
	}
	f.disk.mu.Unlock()
	f.read += int64(n)
	if passed && atEnd != nil {
		atEnd()
	}
	return n, err
}

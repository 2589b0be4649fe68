// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// brokenDisk refuses operations on files with a suffix while it is broken.
type brokenDisk struct {
	broken atomic.Bool
	suffix string
}

// MaybeError is asked before each operation.
func (d *brokenDisk) MaybeError(op errorfs.Op) error {
	if d.broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, d.suffix) {
		return errorfs.ErrInjected
	}
	return nil
}

// String is part of errorfs.Injector.
func (d *brokenDisk) String() string { return "broken disk" }

// TestFailedWrite breaks the log under concurrent writers.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	disk := &brokenDisk{suffix: ".log"}
	memory := vfs.NewCrashableMem()
	var failures atomic.Int32
	e, err := Open(Config{Dir: "data", FS: errorfs.Wrap(memory, disk), Indexes: testIndexes(), manual: true,
		Listener: Listener{Failed: func(error) { failures.Add(1) }}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acknowledged := map[string]Revision{}
	var writers sync.WaitGroup
	for writer := range 8 {
		writers.Go(func() {
			for n := 0; ; n++ {
				if writer == 0 && n == 50 {
					disk.broken.Store(true)
				}
				key := fmt.Sprintf("key-%d-%d", writer, n)
				revision, err := e.Commit(t.Context(), Op{Key: []byte(key), Value: []byte("x|")})
				if err != nil {
					if !errors.Is(err, ErrFailed) {
						t.Errorf("commit: %v, want ErrFailed", err)
					}
					return
				}
				mu.Lock()
				acknowledged[key] = revision
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	if failures.Load() != 1 {
		t.Errorf("Failed was called %d times, want once", failures.Load())
	}
	if _, err := e.Commit(t.Context(), Op{Key: []byte("later"), Value: []byte("x|")}); !errors.Is(err, ErrFailed) {
		t.Errorf("commit after a failure: %v, want ErrFailed", err)
	}
	published := e.Revision()
	hasAll(t, e, acknowledged)
	disk.broken.Store(false)
	if _, err := e.Commit(t.Context(), Op{Key: []byte("later"), Value: []byte("x|")}); !errors.Is(err, ErrFailed) {
		t.Errorf("commit after the disk is well again: %v, want ErrFailed until it is opened again", err)
	}
	crashed := memory.CrashClone(vfs.CrashCloneCfg{})
	if err := e.Close(); err != nil {
		t.Logf("close after a failure: %v", err)
	}
	for name, fs := range map[string]vfs.FS{"closed": memory, "crashed": crashed} {
		again, err := Open(Config{Dir: "data", FS: fs, Indexes: testIndexes(), manual: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hasAll(t, again, acknowledged)
		if again.Revision() < published {
			t.Errorf("%s: revision %d, want at least the published %d", name, again.Revision(), published)
		}
		if err := errors.Join(again.Check(t.Context()), again.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func hasAll(t *testing.T, e *Engine, acknowledged map[string]Revision) {
	t.Helper()
	for key, revision := range acknowledged {
		record, _, err := e.Get(t.Context(), []byte(key), 0)
		if err != nil || record.Revision != revision {
			t.Errorf("get of %s: revision %d and %v, want the acknowledged revision %d", key, record.Revision, err, revision)
		}
	}
}

// fullDisk is a file system that says how much space it has.
type fullDisk struct {
	vfs.FS
	free atomic.Uint64
}

// GetDiskUsage returns what the test set.
func (d *fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1000}, nil
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := &fullDisk{FS: vfs.NewMem()}
	var told []bool
	e := open(t, Config{FS: disk, MinFreeBytes: 100, Listener: Listener{Space: func(refusing bool, _ uint64) { told = append(told, refusing) }}})
	put := func() error {
		_, err := e.Commit(t.Context(), Op{Key: []byte("a"), Value: []byte("x|")})
		return err
	}
	remove := func() error {
		_, err := e.Commit(t.Context(), Op{Key: []byte("a")})
		return err
	}
	for _, step := range []struct {
		free        uint64
		put, remove error
	}{
		{free: 100},
		{free: 99, put: ErrLowSpace, remove: ErrNotFound},
		{free: 100},
		{free: 49, put: ErrLowSpace, remove: ErrLowSpace},
		{free: 1000},
	} {
		disk.free.Store(step.free)
		e.space.Check()
		if err := put(); !errors.Is(err, step.put) {
			t.Errorf("put with %d bytes free: %v, want %v", step.free, err, step.put)
		}
		if err := remove(); !errors.Is(err, step.remove) {
			t.Errorf("delete with %d bytes free: %v, want %v", step.free, err, step.remove)
		}
		if _, _, err := e.Get(t.Context(), []byte("a"), 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("get with %d bytes free: %v, want ErrNotFound", step.free, err)
		}
	}
	if fmt.Sprint(told) != "[true false true false]" {
		t.Errorf("told %v, want each change of mind once", told)
	}
}

// eventually waits for what is done in the background.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

// open opens an engine for a test, which closes it.
func open(t *testing.T, config Config) *Engine {
	t.Helper()
	config.Dir, config.manual = "data", true
	if config.FS == nil {
		config.FS = vfs.NewMem()
	}
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func put(t *testing.T, e *Engine, key, value string) Revision {
	t.Helper()
	revision, err := e.Commit(t.Context(), Op{Key: []byte(key), Value: []byte(value)})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	write := func(path, content string) func(t *testing.T, fs vfs.FS) {
		return func(t *testing.T, fs vfs.FS) {
			t.Helper()
			if err := disk.WriteFile(fs, path, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		harm func(t *testing.T, fs vfs.FS)
		want error
		says string
	}{
		"newer format":    {write("data/FORMAT", "2\n"), ErrNewerFormat, "data has format 2"},
		"broken marker":   {write("data/FORMAT", "x"), ErrCorrupt, "data/FORMAT"},
		"missing marker":  {remove("FORMAT", "data"), ErrCorrupt, "no FORMAT file"},
		"missing file":    {remove(".sst", "data/db"), ErrCorrupt, "type sstable"},
		"cut file":        {cut(".sst", "data/db"), ErrCorrupt, ".sst"},
		"missing list":    {removeMarker, ErrCorrupt, "no marker.manifest file"},
		"broken manifest": {overwrite("MANIFEST-", "data/db"), ErrCorrupt, "MANIFEST"},
		"broken options":  {overwrite("OPTIONS-", "data/db"), ErrCorrupt, "data/db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := vfs.NewMem()
			e := open(t, Config{FS: memory})
			put(t, e, "a", "x|")
			if err := errors.Join(e.db.Flush(), e.Close()); err != nil {
				t.Fatal(err)
			}
			test.harm(t, memory)
			var err error
			for range 2 { // a service manager tries again
				var again *Engine
				if again, err = Open(Config{Dir: "data", FS: memory}); err == nil {
					_ = again.Close()
				}
			}
			if errors.Is(err, ErrCorrupt) && !strings.Contains(err.Error(), "restore the directory from a snapshot") {
				t.Errorf("open: %v\nwant it to say what to do", err)
			}
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("open: %v\nwant %v with %q", err, test.want, test.says)
			}
		})
	}
}

// named returns the files of a directory whose names contain part.
func named(t *testing.T, memory vfs.FS, part, dir string) []string {
	t.Helper()
	names, err := memory.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if strings.Contains(name, part) && !strings.HasPrefix(name, "marker.") {
			found = append(found, memory.PathJoin(dir, name))
		}
	}
	if len(found) == 0 {
		t.Fatalf("no file like %s in %s: %v", part, dir, names)
	}
	return found
}

func remove(part, dir string) func(t *testing.T, memory vfs.FS) {
	return func(t *testing.T, memory vfs.FS) {
		t.Helper()
		for _, path := range named(t, memory, part, dir) {
			if err := memory.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}

func removeMarker(t *testing.T, memory vfs.FS) {
	t.Helper()
	names, err := memory.List("data/db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest.") {
			err = errors.Join(err, memory.Remove("data/db/"+name))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func overwrite(part, dir string) func(t *testing.T, memory vfs.FS) {
	return func(t *testing.T, memory vfs.FS) {
		t.Helper()
		for _, path := range named(t, memory, part, dir) {
			if err := disk.WriteFile(memory, path, strings.Repeat("damaged", 100)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// cut takes the end of files away.
func cut(part, dir string) func(t *testing.T, memory vfs.FS) {
	return func(t *testing.T, memory vfs.FS) {
		t.Helper()
		for _, path := range named(t, memory, part, dir) {
			if err := disk.WriteFile(memory, path, "cut"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The log is read at each start. Damage in its middle must not pass for its end,
// which would lose what comes after.
func TestOpenRefuses_DamagedLog(t *testing.T) {
	t.Parallel()
	memory := vfs.NewCrashableMem()
	e := open(t, Config{FS: memory})
	for i := range 20 {
		put(t, e, strconv.Itoa(i), "x|"+strings.Repeat("v", 4000))
	}
	killed := memory.CrashClone(vfs.CrashCloneCfg{})
	path := slices.Max(named(t, killed, ".log", "data/db"))
	damage(t, killed, path)
	again, err := Open(Config{Dir: "data", FS: killed})
	if err == nil {
		_ = again.Close()
	}
	number, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".log"))
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("wal %d", number)) {
		t.Errorf("open: %v\nwant ErrCorrupt and the number of %s", err, path)
	}
}

// damage changes bytes in the middle of a file.
func damage(t *testing.T, memory vfs.FS, path string) {
	t.Helper()
	file, err := memory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	copy(content[len(content)/3:], "damaged")
	if err := disk.WriteFile(memory, path, string(content)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	for name, fsys := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{Dir: t.TempDir(), FS: fsys}
			first, err := Open(config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(config); !errors.Is(err, ErrLocked) {
				t.Errorf("second open: %v, want ErrLocked", err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second, err := Open(config)
			if err != nil {
				t.Fatalf("open after close: %v", err)
			}
			if err := second.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	put(t, e, "a", "x|")
	s, err := e.Subscribe(e.Revision())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := s.Next(context.Background()) // only Close must end it
		ended <- err
	}()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("a waiting subscription ended with %v, want ErrClosed", err)
	}
	for name, call := range map[string]func() error{
		"close":     e.Close,
		"expire":    func() error { return e.Expire(t.Context()) },
		"compact":   func() error { return e.Compact(t.Context(), 1) },
		"check":     func() error { return e.Check(t.Context()) },
		"subscribe": func() error { _, err := e.Subscribe(1); return err },
		"count":     func() error { _, err := e.Count(t.Context(), nil); return err },
		"get":       func() error { _, _, err := e.Get(t.Context(), []byte("a"), 0); return err },
		"list":      func() error { _, err := e.List(t.Context(), Query{}, func(Record) bool { return true }); return err },
		"commit":    func() error { _, err := e.Commit(t.Context(), Op{Key: []byte("a")}); return err },
	} {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
}

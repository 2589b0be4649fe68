// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk/disktest"
)

// These tests run in bubbles, so that waiting for room takes no time. What runs
// by itself is off: it would wait for a lock, and there no time passes.

// fullEngine is an engine on a disk that its writers have filled to the last
// byte.
type fullEngine struct {
	*Engine
	disk *disktest.Small

	mu           sync.Mutex
	acknowledged map[string]Revision
	told         []bool
}

func (f *fullEngine) config() Config {
	return Config{Dir: "data", FS: f.disk, MinFreeBytes: -1, MemTableBytes: 256 << 10, Indexes: testIndexes(), manual: true, Listener: Listener{
		Space: func(refusing bool, _ uint64) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told = append(f.told, refusing)
		},
	}}
}

func fillDisk(t *testing.T) *fullEngine {
	t.Helper()
	f := &fullEngine{disk: disktest.NewSmall(64 * mib), acknowledged: map[string]Revision{}}
	var err error
	if f.Engine, err = Open(f.config()); err != nil {
		t.Fatal(err)
	}
	f.write(t, "some", 500)
	// What is removed in the background may make room for a while.
	for round := 0; f.retry.FullFor() < 3*disk.CompactionPause; round++ {
		f.disk.SetFree(0)
		var writers sync.WaitGroup
		for writer := range 8 {
			writers.Go(func() { f.write(t, fmt.Sprint(round, "-", writer), math.MaxInt) })
		}
		writers.Wait()
		<-time.After(4 * disk.CompactionPause)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = f.told[len(f.told)-1:]
	return f
}

// write writes so many keys, or until that is refused.
func (f *fullEngine) write(t *testing.T, writer string, keys int) {
	t.Helper()
	var seed [32]byte
	copy(seed[:], writer)
	random := rand.NewChaCha8(seed)
	for n := range keys {
		value := make([]byte, 4<<10)
		_, _ = random.Read(value) // it never fails; the bytes cannot be compressed
		key := fmt.Sprintf("key-%s-%d", writer, n)
		revision, err := f.Commit(t.Context(), Op{Key: []byte(key), Value: value, IndexValues: [][][]byte{nil, nil}})
		switch {
		case err == nil:
			f.mu.Lock()
			f.acknowledged[key] = revision
			f.mu.Unlock()
		case errors.Is(err, ErrDiskFull) || errors.Is(err, ErrLowSpace):
			return
		default:
			t.Errorf("a write to a full disk: %v, want ErrDiskFull or ErrLowSpace", err)
			return
		}
	}
}

func (f *fullEngine) put(t *testing.T) error {
	t.Helper()
	_, err := f.Commit(t.Context(), Op{Key: []byte("later"), Value: []byte("x|")})
	return err
}

func TestFullToTheLastByte(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fillDisk(t)
		if err := f.put(t); !errors.Is(err, ErrLowSpace) {
			t.Errorf("a write to the full disk: %v, want ErrLowSpace", err)
		}
		if stats := f.Stats(); !stats.Refusing || stats.Refused == 0 || stats.Failed {
			t.Errorf("figures of a full disk: %+v", stats)
		}
		hasAll(t, f.Engine, f.acknowledged)

		f.disk.SetFree(32 * mib)
		<-time.After(2 * disk.CompactionPause)
		synctest.Wait()
		if err := f.put(t); err != nil {
			t.Errorf("a write with room again: %v", err)
		}
		if told := fmt.Sprint(f.told); told != "[true false]" {
			t.Errorf("the listener was told %s", told)
		}
		hasAll(t, f.Engine, f.acknowledged)
		if err := f.Check(t.Context()); err != nil {
			t.Error(err)
		}
		closeEngine(t, f.Engine)

		again, err := Open(f.config())
		if err != nil {
			t.Fatal(err)
		}
		hasAll(t, again, f.acknowledged)
		closeEngine(t, again)
	})
}

func TestCloseOnFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fillDisk(t)
		begun := time.Now()
		if err := f.Close(); !errors.Is(err, ErrDiskFull) {
			t.Errorf("close: %v, want ErrDiskFull", err)
		}
		if took := time.Since(begun); took > 2*closeTimeout {
			t.Errorf("close took %s", took)
		}
		// With room it comes to its end, so that the directory can be opened.
		f.disk.SetFree(32 * mib)
		<-time.After(2 * disk.CompactionPause)
		synctest.Wait()
		again, err := Open(f.config())
		if err != nil {
			t.Fatal(err)
		}
		hasAll(t, again, f.acknowledged)
		closeEngine(t, again)
	})
}

// TestOpenOnFullDisk is about a process that is started on one: it must end
// with a reason instead of waiting.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fillDisk(t)
		if err := f.Close(); !errors.Is(err, ErrDiskFull) {
			t.Fatal(err)
		}
		// The process has ended: what it did not sync is in the files still.
		copied := f.disk.Clone(t)
		config := f.config()
		config.FS = copied
		begun := time.Now()
		if _, err := Open(config); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "make room") {
			t.Errorf("open: %v, want ErrDiskFull and what to do", err)
		}
		if took := time.Since(begun); took > 2*openTimeout {
			t.Errorf("open took %s", took)
		}
		for _, d := range []*disktest.Small{copied, f.disk} {
			d.SetFree(32 * mib)
		}
		<-time.After(2 * disk.CompactionPause)
		synctest.Wait()
		e, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		hasAll(t, e, f.acknowledged)
		closeEngine(t, e)
	})
}

// TestOpenWithoutRoomForSmallFiles is about the files for which nothing waits.
func TestOpenWithoutRoomForSmallFiles(t *testing.T) {
	t.Parallel()
	refused := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".dbtmp") {
			return syscall.ENOSPC
		}
		return nil
	})
	_, err := Open(Config{Dir: "data", FS: errorfs.Wrap(vfs.NewMem(), refused)})
	if !errors.Is(err, ErrLowSpace) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("open: %v, want ErrLowSpace and what to do", err)
	}
}

// TestCategories fails when Pebble names what it writes otherwise.
func TestCategories(t *testing.T) {
	t.Parallel()
	names := &categories{FS: vfs.NewMem(), seen: map[vfs.DiskWriteCategory]bool{}}
	e := open(t, Config{FS: names})
	put(t, e, "a", "x|")
	if err := e.db.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, e, "a", "y|")
	if err := errors.Join(e.db.Flush(), e.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []vfs.DiskWriteCategory{"pebble-wal", "pebble-manifest", "pebble-memtable-flush", "pebble-compaction"} {
		if !names.has(name) {
			t.Errorf("Pebble has written no file as %s", name)
		}
	}
}

// categories notes for what files are made.
type categories struct {
	vfs.FS
	mu   sync.Mutex
	seen map[vfs.DiskWriteCategory]bool
}

func (c *categories) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	c.mu.Lock()
	c.seen[category] = true
	c.mu.Unlock()
	return c.FS.Create(name, category)
}

func (c *categories) has(category vfs.DiskWriteCategory) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[category]
}

func TestProbeDisk(t *testing.T) {
	t.Parallel()
	disk := disktest.NewSmall(64 * mib)
	e := open(t, Config{FS: disk, MinFreeBytes: mib, MemTableBytes: mib})
	for _, test := range []struct {
		free int64
		want error
	}{
		{64 * mib, nil},
		// Less than the memtables may need.
		{3 * mib, ErrLowSpace},
		{64 * mib, nil},
	} {
		disk.SetFree(test.free)
		if err := e.ProbeDisk(); !errors.Is(err, test.want) {
			t.Errorf("with %d bytes: %v, want %v", test.free, err, test.want)
		}
		if _, err := disk.Stat("data/PROBE"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with %d bytes the probe is left: %v", test.free, err)
		}
	}
}

// TestSpaceIsCheckedByBytes is about writers that are faster than the clock.
func TestSpaceIsCheckedByBytes(t *testing.T) {
	t.Parallel()
	disk := &fullDisk{FS: vfs.NewMem()}
	const least = 64 << 10
	e := open(t, Config{FS: disk, MinFreeBytes: least})
	disk.free.Store(least)
	e.space.Check()
	disk.free.Store(least - 1)
	for n := 0; ; n++ {
		_, err := e.Commit(t.Context(), Op{Key: fmt.Append(nil, n), Value: []byte(strings.Repeat("x", 1<<10))})
		if errors.Is(err, ErrLowSpace) {
			return
		}
		if err != nil || n > least>>10 {
			t.Fatalf("write %d: %v, want ErrLowSpace by then", n, err)
		}
	}
}

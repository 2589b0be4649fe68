// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"errors"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk/disktest"
)

func TestFS_RetriesByWhatIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for category, want := range map[vfs.DiskWriteCategory]struct {
			err    error
			waited time.Duration
		}{
			vfs.WriteCategoryUnspecified: {syscall.ENOSPC, 0},
			"pebble-compaction":          {syscall.ENOSPC, 0},
			"pebble-memtable-flush":      {nil, time.Minute},
			"pebble-wal":                 {nil, time.Minute},
		} {
			small := disktest.NewSmall(3)
			file, err := disk.NewFS(small, disk.NewRetry(func(bool) {})).Create("file", category)
			if err != nil {
				t.Fatal(err)
			}
			growing := time.AfterFunc(time.Minute, func() { small.SetFree(3) })
			begun := time.Now()
			_, err = file.Write([]byte("abcdef"))
			if waited := time.Since(begun); !errors.Is(err, want.err) || waited < want.waited || waited > want.waited+disk.RetryInterval {
				t.Errorf("%s: %v after %s, want %v after %s", category, err, waited, want.err, want.waited)
			}
			growing.Stop()
			content := make([]byte, 6)
			if n, _ := file.ReadAt(content, 0); err == nil && string(content[:n]) != "abcdef" {
				t.Errorf("%s: the file holds %q", category, content[:n])
			}
		}
	})
}

func TestFS_PausesCompactions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fsys := disk.NewFS(disktest.NewSmall(3), disk.NewRetry(func(bool) {}))
		for n, pause := range []time.Duration{0, disk.CompactionPause} {
			name, begun := strconv.Itoa(n), time.Now()
			file, err := fsys.Create(name, "pebble-compaction")
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(begun); waited != pause {
				t.Errorf("file %s was created after %s, want %s", name, waited, pause)
			}
			if _, err := file.Write([]byte("abcdef")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("file %s: %v, want ENOSPC", name, err)
			}
		}
	})
}

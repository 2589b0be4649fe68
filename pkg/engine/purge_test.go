// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// secretText stands in values and index values that are removed.
const secretText = "that-nobody-may-know"

// TestPurge replaces values and an index, and looks for the old ones in files.
func TestPurge(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	const keys = 3000
	config := Config{FS: memory, Indexes: []Index{{Name: "plain", Values: tagsOf}}, MemTableBytes: 64 << 10, uncompressed: true}
	e := open(t, config)
	write := func(text string) {
		t.Helper()
		for n := range keys {
			// Values that compress badly make many files.
			put(t, e, fmt.Sprintf("key-%05d", n), fmt.Sprintf("%s-%x|%s-%x", text, 7919*n, text, 104729*n))
		}
	}
	write(secretText)
	put(t, e, "deleted", secretText+"|")
	if _, err := e.Commit(t.Context(), Op{Key: []byte("deleted")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	config.Indexes[0].Name = "other"
	e = open(t, config)
	e.byItself.Wait()
	write("harmless")
	if err := e.Compact(t.Context(), e.Revision()); err != nil {
		t.Fatal(err)
	}
	if len(holding(t, memory, secretText)) == 0 {
		t.Error("nothing is left even without a purge, which so proves nothing")
	}
	upTo, err := e.Purge(t.Context())
	if err != nil || upTo != e.Revision() {
		t.Errorf("purged up to %d and %v, want %d", upTo, err, e.Revision())
	}
	eventually(t, func() error {
		if names := tablesHolding(t, memory, secretText); len(names) > 0 {
			return fmt.Errorf("found in %v", names)
		}
		return nil
	})
	if err := errors.Join(e.Check(t.Context()), e.Close()); err != nil {
		t.Fatal(err)
	}

	e = open(t, config)
	eventually(t, func() error {
		if names := holding(t, memory, secretText); len(names) > 0 {
			return fmt.Errorf("found in %v after a restart", names)
		}
		return nil
	})
	n := 0
	if _, err := e.List(t.Context(), Query{}, func(Record) bool { n++; return true }); err != nil || n != keys {
		t.Errorf("%d records and %v, want %d", n, err, keys)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPurgeRewritesLowestFiles lets a snapshot keep something removed alive while
// it sinks to the bottom, from where Pebble takes nothing that is so little.
func TestPurgeRewritesLowestFiles(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMem()
	e := open(t, Config{FS: memory, Indexes: testIndexes(), uncompressed: true})
	for n := range 1000 {
		put(t, e, fmt.Sprint("key", n), "x|")
	}
	put(t, e, "key5", secretText+"|")
	snapshot := e.db.NewSnapshot()
	put(t, e, "key5", "y|")
	if err := e.Compact(t.Context(), e.Revision()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.db.Flush(), e.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false), snapshot.Close()); err != nil {
		t.Fatal(err)
	}
	if len(tablesHolding(t, memory, secretText)) == 0 {
		t.Error("nothing is left even without a purge, which so proves nothing")
	}
	if _, err := e.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if names := tablesHolding(t, memory, secretText); len(names) > 0 {
			return fmt.Errorf("found in %v", names)
		}
		return nil
	})
	if err := e.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPurgeRefusesUnderASnapshot(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	put(t, e, "a", "x|")
	snapshot := e.db.NewSnapshot()
	if _, err := e.Purge(t.Context()); !errors.Is(err, errSnapshotOpen) {
		t.Errorf("got %v", err)
	}
	if err := snapshot.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Purge(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPurgeUnderWriters writes, compacts and expires while files are rewritten.
func TestPurgeUnderWriters(t *testing.T) {
	t.Parallel()
	e := open(t, Config{Indexes: testIndexes(), MemTableBytes: 64 << 10})
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			op := Op{Key: fmt.Append(nil, "key-", n%500), Value: fmt.Append(nil, n%7, "|", n)}
			revision, err := e.Commit(t.Context(), op)
			if err == nil && n%100 == 99 {
				err = e.Compact(t.Context(), revision-50)
			}
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 5 {
		if _, err := e.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := errors.Join(<-stopped, e.Check(t.Context())); err != nil {
		t.Error(err)
	}
}

// racedRemoval is a file system on which another goroutine always comes first
// where lists of files are removed.
type racedRemoval struct {
	vfs.FS
	raced atomic.Int64
}

// Remove removes the file twice.
func (r *racedRemoval) Remove(name string) error {
	if strings.Contains(name, manifestPrefix) {
		r.raced.Add(1)
		if err := r.FS.Remove(name); err != nil {
			return err
		}
	}
	return r.FS.Remove(name)
}

// Pebble removes old lists of files in the background, while Open removes them.
func TestOpenOutrunInRemovingLists(t *testing.T) {
	t.Parallel()
	fsys := &racedRemoval{FS: vfs.NewMem()}
	for range 2 {
		e := open(t, Config{FS: fsys, Listener: Listener{BackgroundError: func(doing string, err error) { t.Errorf("%s: %v", doing, err) }}})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if fsys.raced.Load() == 0 {
		t.Error("there was no old list of files to remove")
	}
}

// tablesHolding is holding for the files that data is in for good.
func tablesHolding(t *testing.T, fsys vfs.FS, text string) []string {
	t.Helper()
	return slices.DeleteFunc(holding(t, fsys, text), func(name string) bool { return !strings.HasSuffix(name, ".sst") })
}

// holding returns the files of the data directory in which the text is found.
func holding(t *testing.T, fsys vfs.FS, text string) []string {
	t.Helper()
	var found []string
	names, err := fsys.List("data/" + dataName)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := fsys.Open("data/" + dataName + "/" + name)
		if err != nil {
			// Files go while they are listed.
			continue
		}
		content, err := io.ReadAll(file)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			found = append(found, name)
		}
	}
	return found
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

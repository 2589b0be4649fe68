// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// A disk that refuses a write, for another reason than free space, fails readiness,
// and makes the server exit as soon as a restart helps.
func TestStore_DiskRefusesAWrite(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	tried := make(chan struct{}, 1)
	fsys := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !broken.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		if strings.HasSuffix(op.Path, "PROBE") {
			select {
			case tried <- struct{}{}:
			default:
			}
		}
		return errorfs.ErrInjected
	}))
	restart := make(chan error, 1)
	store, err := Open(pods(t), Config{
		Dir:          t.TempDir(),
		RestartHelps: func(reason error) { restart <- reason },
		fs:           fsys,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // it may return the disk error, too
	check := store.ReadyzCheck()
	put := func() error {
		_, err := store.engine.Commit(t.Context(), engine.Op{Key: []byte("key"), Value: []byte("value"), IndexValues: make([][][]byte, len(store.content.Objects.Indexes))})
		return err
	}
	if err := errors.Join(put(), check.Check(nil)); err != nil {
		t.Fatal(err)
	}

	broken.Store(true)
	if err := put(); !errors.Is(err, engine.ErrFailed) {
		t.Fatalf("a write to a broken disk: %v", err)
	}
	if err := check.Check(nil); err == nil || !strings.Contains(err.Error(), "reads go on") {
		t.Errorf("readiness: %v", err)
	}
	if _, _, err := store.engine.Get(t.Context(), []byte("key"), 0); err != nil {
		t.Errorf("a read from a broken disk: %v", err)
	}
	<-tried
	select {
	case reason := <-restart:
		t.Errorf("a restart was asked for while it would not help: %v", reason)
	default:
	}

	broken.Store(false)
	select {
	case reason := <-restart:
		if !strings.Contains(reason.Error(), "accepts writes again") {
			t.Errorf("the reason is %v", reason)
		}
	case <-time.After(time.Minute):
		t.Error("no restart was asked for")
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

// What is found out about data directories and snapshots.
type (
	// CheckReport is what CheckDataDir found.
	CheckReport = engine.Report
	// SnapshotInfo is what a snapshot says about itself.
	SnapshotInfo = engine.SnapshotInfo
	// Restored is what RestoreSnapshot has made.
	Restored = engine.Restored
)

// CheckDataDir reads all of a data directory that no server uses, and changes
// nothing in it. What is wrong is in the report. Events that are encrypted are not
// looked into; the report's Opaque says how many there are.
func (a *API) CheckDataDir(ctx context.Context, dir string, progress func(reading string, done int64)) (CheckReport, error) {
	codec, err := a.storedForm()
	if err != nil {
		return CheckReport{}, err
	}
	e, err := engine.Open(engine.Config{Dir: dir, Indexes: a.indexesOf(codec), ReadOnly: true})
	if errors.Is(err, engine.ErrLocked) {
		return CheckReport{}, fmt.Errorf("%w, and cannot be checked in place: save a snapshot of it, "+
			"restore that into an empty directory, and check that one; or stop the server first", engine.ErrLocked)
	}
	if err != nil {
		return CheckReport{}, err
	}
	report, err := e.Verify(ctx, engine.Verification{Record: recordCheck(codec), Progress: progress})
	return report, errors.Join(err, e.Close())
}

// indexesOf are the indexes of a store that is not encrypted. Those of an encrypted
// one have other names; what the engine needs to know of them, their events say.
func (a *API) indexesOf(codec storedform.Codec) []engine.Index {
	store := &EmbeddedStore{api: a, codec: codec, keeper: &keeper{encryption: Encryption{}.withDefaults()}}
	return store.storageConfig(nil, schema.GroupResource{}).EngineIndexes()
}

// sealed tells values that were encrypted, by how all of k8s.io/apiserver's
// transformers begin them.
func sealed(value []byte) bool { return bytes.HasPrefix(value, []byte("k8s:enc:")) }

// recordCheck decodes events and compares their names with their keys.
func recordCheck(codec runtime.Codec) func(engine.Record) error {
	return func(record engine.Record) error {
		if !bytes.HasPrefix(record.Key, []byte(embeddedPrefix+"/")) {
			return nil
		}
		if sealed(record.Value) {
			return engine.ErrOpaque
		}
		// The decoder may keep what it is given.
		object, _, err := codec.Decode(bytes.Clone(record.Value), nil, nil)
		if err != nil {
			return fmt.Errorf("the event cannot be decoded: %w", err)
		}
		named, err := meta.Accessor(object)
		if err != nil {
			return fmt.Errorf("it is no event: %w", err)
		}
		if key := embeddedPrefix + "/" + named.GetNamespace() + "/" + named.GetName(); key != string(record.Key) {
			return fmt.Errorf("the event is named %s/%s", named.GetNamespace(), named.GetName())
		}
		return nil
	}
}

// SaveSnapshot writes a snapshot of a data directory, through the server that uses
// it or, if there is none, without changing anything in it. Only without an error
// is what was written a whole snapshot.
func SaveSnapshot(ctx context.Context, dir string, w io.Writer) (SnapshotInfo, error) {
	body, err := storeadmin.NewClient(dir).Snapshot(ctx)
	if errors.Is(err, storeadmin.ErrNoServer) {
		return saveOffline(ctx, dir, w)
	}
	if err != nil {
		return SnapshotInfo{}, err
	}
	info, err := engine.VerifySnapshot(ctx, io.TeeReader(body, w))
	return info, errors.Join(err, body.Close())
}

func saveOffline(ctx context.Context, dir string, w io.Writer) (SnapshotInfo, error) {
	e, err := engine.Open(engine.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		return SnapshotInfo{}, silent(dir, err)
	}
	info, err := e.Snapshot(ctx, w)
	return info, errors.Join(err, e.Close())
}

// silent says what to do when a directory is in use and nobody answers there.
func silent(dir string, err error) error {
	if !errors.Is(err, engine.ErrLocked) {
		return err
	}
	return fmt.Errorf("%w, which does not answer at %s: if it is a server that is just starting or stopping, or another command, try again",
		engine.ErrLocked, filepath.Join(dir, storeadmin.SocketName))
}

// VerifySnapshot reads a snapshot to its end, without restoring it, and returns what
// it says about itself. An error says why it could not be restored: it is cut off,
// altered, something else, or of a newer version.
func VerifySnapshot(ctx context.Context, r io.Reader) (SnapshotInfo, error) {
	return engine.VerifySnapshot(ctx, r)
}

// RestoreSnapshot makes a data directory, which must be empty or absent, of a
// snapshot.
func RestoreSnapshot(ctx context.Context, dir string, r io.Reader) (Restored, error) {
	return engine.Restore(ctx, engine.RestoreConfig{Dir: dir}, r)
}

// CompactDataDir removes from a data directory what only revisions below upTo can
// show, 0 being the newest one, and returns the oldest revision that can be read
// then. It asks the server that uses the directory, if there is one.
func (a *API) CompactDataDir(ctx context.Context, dir string, upTo uint64) (horizon uint64, err error) {
	done, err := storeadmin.NewClient(dir).Compact(ctx, upTo)
	if errors.Is(err, storeadmin.ErrNoServer) {
		return a.compactOffline(ctx, dir, upTo)
	}
	return done.Horizon, err
}

func (a *API) compactOffline(ctx context.Context, dir string, upTo uint64) (horizon uint64, err error) {
	codec, err := a.storedForm()
	if err != nil {
		return 0, err
	}
	e, err := engine.Open(engine.Config{Dir: dir, Indexes: a.indexesOf(codec), KeepIndexes: true, Retention: -1})
	if err != nil {
		return 0, silent(dir, err)
	}
	horizon, err = operated{engine: e}.Compact(ctx, upTo)
	return horizon, errors.Join(err, e.Close())
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

// Results of commands for data directories and snapshots.
type (
	// CheckReport is what Check found.
	CheckReport = engine.Report
	// SnapshotInfo describes a snapshot.
	SnapshotInfo = engine.SnapshotInfo
	// Restored is what RestoreSnapshot has made.
	Restored = engine.Restored
)

// Maintenance does what commands do to stores with this content.
type Maintenance struct{ content embedded.Content }

// New returns the maintenance of stores with this content.
func New(content embedded.Content) Maintenance { return Maintenance{content: content} }

// Check reads all of a data directory that no server uses, and changes nothing in
// it. What is wrong is in the report. Encrypted objects are not decoded; the report's
// Opaque is how many there are.
func (m Maintenance) Check(ctx context.Context, dir string, progress func(reading string, done int64)) (CheckReport, error) {
	e, err := engine.Open(engine.Config{Dir: dir, ReadOnly: true})
	if errors.Is(err, engine.ErrLocked) {
		return CheckReport{}, fmt.Errorf("%w, and cannot be checked in place: save a snapshot of it, "+
			"restore that into an empty directory, and check that one; or stop the server first", engine.ErrLocked)
	}
	if err != nil {
		return CheckReport{}, err
	}
	report, err := e.Verify(ctx, engine.Verification{Record: recordCheck(m.content.Objects), Progress: progress})
	return report, errors.Join(err, e.Close())
}

// encrypted reports whether a value is encrypted, by the prefix that all of
// k8s.io/apiserver's transformers write.
func encrypted(value []byte) bool { return bytes.HasPrefix(value, []byte("k8s:enc:")) }

// recordCheck decodes objects and compares their names with their keys.
func recordCheck(objects embedded.Kind) func(engine.Record) error {
	return func(record engine.Record) error {
		if !bytes.HasPrefix(record.Key, []byte(objects.Prefix+"/")) {
			return nil
		}
		if encrypted(record.Value) {
			return engine.ErrOpaque
		}
		// The decoder may keep what it is given.
		object, _, err := objects.Codec.Decode(bytes.Clone(record.Value), nil, nil)
		if err != nil {
			return fmt.Errorf("the event cannot be decoded: %w", err)
		}
		named, err := meta.Accessor(object)
		if err != nil {
			return fmt.Errorf("it is no event: %w", err)
		}
		if key := objects.Prefix + "/" + named.GetNamespace() + "/" + named.GetName(); key != string(record.Key) {
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
		return SnapshotInfo{}, explainLocked(dir, err)
	}
	info, err := e.Snapshot(ctx, w)
	return info, errors.Join(err, e.Close())
}

// explainLocked adds what to do when a directory is in use and no server answers
// there.
func explainLocked(dir string, err error) error {
	if !errors.Is(err, engine.ErrLocked) {
		return err
	}
	return fmt.Errorf("%w, which does not answer at %s: if it is a server that is just starting or stopping, or another command, try again",
		engine.ErrLocked, filepath.Join(dir, storeadmin.SocketName))
}

// VerifySnapshot reads a snapshot to its end, without restoring it, and returns its
// description. An error says why it could not be restored: it is cut off,
// altered, something else, or of a newer version.
func VerifySnapshot(ctx context.Context, r io.Reader) (SnapshotInfo, error) {
	return engine.VerifySnapshot(ctx, r)
}

// RestoreSnapshot makes a data directory, which must be empty or absent, of a
// snapshot.
func RestoreSnapshot(ctx context.Context, dir string, r io.Reader) (Restored, error) {
	return engine.Restore(ctx, engine.RestoreConfig{Dir: dir}, r)
}

// Compact removes from a data directory what only revisions below upTo can
// show, 0 being the newest one, and returns the oldest revision that can be read
// then. It asks the server that uses the directory, if there is one.
func (m Maintenance) Compact(ctx context.Context, dir string, upTo uint64) (oldest uint64, err error) {
	done, err := storeadmin.NewClient(dir).Compact(ctx, upTo)
	if errors.Is(err, storeadmin.ErrNoServer) {
		return m.compactOffline(ctx, dir, upTo)
	}
	return done.CompactRevision, err
}

func (m Maintenance) compactOffline(ctx context.Context, dir string, upTo uint64) (oldest uint64, err error) {
	e, err := engine.Open(engine.Config{Dir: dir, KeepIndexes: true, HistoryRetention: -1})
	if err != nil {
		return 0, explainLocked(dir, err)
	}
	oldest, err = embedded.Operations{Engine: e}.Compact(ctx, upTo)
	return oldest, errors.Join(err, e.Close())
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"errors"
	"io"
	"time"

	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
	"github.com/events-apiserver/events-apiserver/pkg/storage/encryption"
	"github.com/events-apiserver/events-apiserver/pkg/storage/entries"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// Results of commands for any store.
type (
	// ExportCounts is how many records an export has.
	ExportCounts = transfer.Counts
	// ImportResult is what became of the records of an export.
	ImportResult = transfer.Result
	// RewriteResult is what a rewrite has done.
	RewriteResult = storeadmin.Rewrite
)

// Access names the store that a command works on, and how values are encrypted in
// it.
type Access struct {
	// DataDir is the directory of an embedded store; empty for an etcd.
	DataDir string
	// Etcd is where an etcd is, without the root of the keys, EtcdPrefix.
	Etcd       storagebackend.TransportConfig
	EtcdPrefix string
	// Encryption decrypts and encrypts the values. A server that uses DataDir has its
	// own, which is used instead.
	Encryption encryption.Config
}

// VerifyExport reads an export to its end and returns what is in it, or why it must
// not be imported.
func VerifyExport(r io.Reader) (ExportCounts, error) { return transfer.Verify(r) }

// Export writes all events of a store, in plaintext, and what the bridge to the
// host cluster knows. Progress is called often, with zero counts where only the
// bytes that were written are known. Only without an error is what was written a
// whole export.
func (m Maintenance) Export(ctx context.Context, from Access, w io.Writer, progress func(ExportCounts)) (ExportCounts, error) {
	if from.DataDir == "" {
		var counts ExportCounts
		err := m.withEtcd(ctx, from, func(store *entries.Store) (err error) {
			counts, err = transfer.Export(ctx, store, w, progress)
			return err
		})
		return counts, err
	}
	body, err := storeadmin.NewClient(from.DataDir).Export(ctx)
	if errors.Is(err, storeadmin.ErrNoServer) {
		return m.exportOffline(ctx, from, w, progress)
	}
	if err != nil {
		return ExportCounts{}, err
	}
	counts, err := transfer.Verify(io.TeeReader(body, w))
	return counts, errors.Join(err, body.Close())
}

// exportOffline changes nothing in the directory.
func (m Maintenance) exportOffline(ctx context.Context, from Access, w io.Writer, progress func(ExportCounts)) (ExportCounts, error) {
	opened, err := engine.Open(engine.Config{Dir: from.DataDir, ReadOnly: true})
	if err != nil {
		return ExportCounts{}, explainLocked(from.DataDir, err)
	}
	store := entries.OfEngine(opened, m.content.Root, m.content.Entries, from.Encryption.WithDefaults().Transformer)
	counts, err := transfer.Export(ctx, store, w, progress)
	return counts, errors.Join(err, opened.Close())
}

// Import stores the events of an export where nothing is stored under their
// names, and what the bridge to the host cluster knows where it knows nothing. It
// returns what became of them, also with an error. It may be repeated.
func (m Maintenance) Import(ctx context.Context, into Access, r io.Reader) (ImportResult, error) {
	if into.DataDir == "" {
		var result ImportResult
		err := m.withEtcd(ctx, into, func(store *entries.Store) (err error) {
			result, err = transfer.Import(ctx, store, r, time.Now)
			return err
		})
		return result, err
	}
	result, err := storeadmin.NewClient(into.DataDir).Import(ctx, r)
	if !errors.Is(err, storeadmin.ErrNoServer) {
		return result, err
	}
	err = m.withDataDir(into, func(operations embedded.Operations) (err error) {
		result, err = transfer.Import(ctx, operations.Entries, r, time.Now)
		return err
	})
	return result, err
}

// Rewrite encrypts all events with the key in use that were encrypted with another
// one, or not at all. In a data directory it then removes the history, in which they are
// as before. It returns what it did, also with an error.
func (m Maintenance) Rewrite(ctx context.Context, in Access, progress func(RewriteResult)) (RewriteResult, error) {
	if in.DataDir == "" {
		var result RewriteResult
		err := m.withEtcd(ctx, in, func(store *entries.Store) (err error) {
			result, err = store.Rewrite(ctx, progress)
			return err
		})
		return result, err
	}
	result, err := storeadmin.NewClient(in.DataDir).Rewrite(ctx, progress)
	if !errors.Is(err, storeadmin.ErrNoServer) {
		return result, err
	}
	if err := mustHaveData(in.DataDir); err != nil {
		return result, err
	}
	err = m.withDataDir(in, func(operations embedded.Operations) (err error) {
		result, err = operations.Rewrite(ctx, progress)
		return err
	})
	return result, err
}

// mustHaveData refuses a directory in which there is nothing, which opening would
// turn into a data directory.
func mustHaveData(dir string) error {
	opened, err := engine.Open(engine.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		return explainLocked(dir, err)
	}
	return opened.Close()
}

func (m Maintenance) withEtcd(ctx context.Context, access Access, do func(*entries.Store) error) error {
	return entries.WithEtcd(ctx, access.Etcd, access.EtcdPrefix, m.content.Entries, access.Encryption.WithDefaults().Transformer, do)
}

// withDataDir opens a directory as a server does, and makes it if it is not there.
func (m Maintenance) withDataDir(access Access, do func(embedded.Operations) error) error {
	config := embedded.DefaultConfig()
	config.Dir, config.Encryption = access.DataDir, access.Encryption
	opened, err := embedded.Open(m.content, config)
	if err != nil {
		return explainLocked(access.DataDir, err)
	}
	return errors.Join(do(opened.Operations()), opened.Close())
}

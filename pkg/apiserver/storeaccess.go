// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"io"
	"time"

	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// What is found out when stores are exported, imported and rewritten.
type (
	// ExportCounts is how many records an export has.
	ExportCounts = transfer.Counts
	// ImportResult is what became of the records of an export.
	ImportResult = transfer.Result
	// RewriteResult is what a rewrite has done.
	RewriteResult = storeadmin.Rewrite
)

// StoreAccess names the store that a command works on, and how events are encrypted
// in it.
type StoreAccess struct {
	// DataDir is the directory of an embedded store; empty for an etcd.
	DataDir string
	// Etcd is where an etcd is, without the root of the keys, EtcdPrefix.
	Etcd       storagebackend.TransportConfig
	EtcdPrefix string
	// Encryption reads and writes the values. A server that uses DataDir has its
	// own, which is used instead.
	Encryption Encryption
}

// VerifyExport reads an export to its end and returns what is in it, or why it must
// not be imported.
func VerifyExport(r io.Reader) (ExportCounts, error) { return transfer.Verify(r) }

// ExportStore writes all events of a store, in plaintext, and what the bridge to the
// host cluster knows. Progress is called often, with zero counts where only the
// bytes that were written are known. Only without an error is what was written a
// whole export.
func (a *API) ExportStore(ctx context.Context, from StoreAccess, w io.Writer, progress func(ExportCounts)) (ExportCounts, error) {
	if from.DataDir == "" {
		var counts ExportCounts
		err := a.withEtcd(ctx, from, func(store *plainStore) (err error) {
			counts, err = transfer.Export(ctx, store, w, progress)
			return err
		})
		return counts, err
	}
	body, err := storeadmin.NewClient(from.DataDir).Export(ctx)
	if errors.Is(err, storeadmin.ErrNoServer) {
		return a.exportOffline(ctx, from, w, progress)
	}
	if err != nil {
		return ExportCounts{}, err
	}
	counts, err := transfer.Verify(io.TeeReader(body, w))
	return counts, errors.Join(err, body.Close())
}

// exportOffline changes nothing in the directory.
func (a *API) exportOffline(ctx context.Context, from StoreAccess, w io.Writer, progress func(ExportCounts)) (ExportCounts, error) {
	codec, err := a.storedForm()
	if err != nil {
		return ExportCounts{}, err
	}
	opened, err := engine.Open(engine.Config{Dir: from.DataDir, ReadOnly: true})
	if err != nil {
		return ExportCounts{}, silent(from.DataDir, err)
	}
	store := embeddedEntries(opened, from.Encryption, codec)
	counts, err := transfer.Export(ctx, store, w, progress)
	return counts, errors.Join(err, opened.Close())
}

// ImportStore stores the events of an export where nothing is stored under their
// names, and what the bridge to the host cluster knows where it knows nothing. It
// returns what became of them, also with an error. It may be repeated.
func (a *API) ImportStore(ctx context.Context, into StoreAccess, r io.Reader) (ImportResult, error) {
	if into.DataDir == "" {
		var result ImportResult
		err := a.withEtcd(ctx, into, func(store *plainStore) (err error) {
			result, err = transfer.Import(ctx, store, r, time.Now)
			return err
		})
		return result, err
	}
	result, err := storeadmin.NewClient(into.DataDir).Import(ctx, r)
	if !errors.Is(err, storeadmin.ErrNoServer) {
		return result, err
	}
	err = a.withDataDir(into, func(store *plainStore, _ *EmbeddedStore) (err error) {
		result, err = transfer.Import(ctx, store, r, time.Now)
		return err
	})
	return result, err
}

// RewriteStore encrypts all events with the key in use for which another one was
// used, or none. In a data directory it then removes the history, in which they are
// as before. It returns what it did, also with an error.
func (a *API) RewriteStore(ctx context.Context, in StoreAccess, progress func(RewriteResult)) (RewriteResult, error) {
	if in.DataDir == "" {
		var result RewriteResult
		err := a.withEtcd(ctx, in, func(store *plainStore) (err error) {
			result, err = store.rewrite(ctx, progress)
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
	err = a.withDataDir(in, func(_ *plainStore, opened *EmbeddedStore) (err error) {
		result, err = opened.operated().Rewrite(ctx, progress)
		return err
	})
	return result, err
}

// mustHaveData refuses a directory in which there is nothing, which opening would
// turn into a data directory.
func mustHaveData(dir string) error {
	opened, err := engine.Open(engine.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		return silent(dir, err)
	}
	return opened.Close()
}

func (a *API) withEtcd(ctx context.Context, access StoreAccess, do func(*plainStore) error) error {
	codec, err := a.storedForm()
	if err != nil {
		return err
	}
	etcd, err := dialEtcd(ctx, access.Etcd)
	if err != nil {
		return err
	}
	transformer := access.Encryption.withDefaults().Transformer
	err = do(&plainStore{entryStore: etcd, layout: layoutUnder(access.EtcdPrefix), transformer: transformer, codec: codec})
	return errors.Join(err, etcd.close())
}

// withDataDir opens a directory as a server does, and makes it if it is not there.
func (a *API) withDataDir(access StoreAccess, do func(*plainStore, *EmbeddedStore) error) error {
	config := DefaultEmbeddedConfig()
	config.Dir, config.Encryption = access.DataDir, access.Encryption
	opened, err := a.OpenEmbeddedStore(config)
	if err != nil {
		return silent(access.DataDir, err)
	}
	return errors.Join(do(opened.operated().entries, opened), opened.Close())
}

// embeddedEntries is the content of an open data directory.
func embeddedEntries(opened *engine.Engine, encryption Encryption, codec storedform.Codec) *plainStore {
	return &plainStore{
		entryStore: engineEntries{opened}, layout: embeddedLayout(),
		transformer: encryption.withDefaults().Transformer, codec: codec,
	}
}

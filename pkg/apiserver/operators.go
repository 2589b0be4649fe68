// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// serveOperators answers the commands of operators at a socket in the data
// directory. Events are served without it, too: some file systems have no sockets.
func (s *EmbeddedStore) serveOperators() {
	server, err := storeadmin.Serve(context.Background(), s.config.Dir, s.operated())
	if err != nil {
		klog.ErrorS(err, "No commands for the data directory are answered while the server runs")
		return
	}
	s.operators = server
}

func (s *EmbeddedStore) endOperators() error {
	if s.operators == nil {
		return nil
	}
	return s.operators.Close()
}

// operated is what a command may ask of an open engine.
type operated struct {
	engine *engine.Engine
	// entries is what is in it, decrypted; nil where only Snapshot and Compact are
	// used.
	entries *plainStore
}

// operated is what a command may ask of the store.
func (s *EmbeddedStore) operated() operated {
	return operated{engine: s.engine, entries: embeddedEntries(s.engine, s.keeper.encryption, s.codec)}
}

var _ storeadmin.Store = operated{}

// Snapshot implements storeadmin.Store.
func (o operated) Snapshot(ctx context.Context, w io.Writer) error {
	_, err := o.engine.Snapshot(ctx, w)
	return err
}

// Compact implements storeadmin.Store.
func (o operated) Compact(ctx context.Context, upTo uint64) (uint64, error) {
	revision := engine.Revision(upTo)
	if revision == 0 {
		revision = o.engine.Revision()
	}
	err := o.engine.Compact(ctx, revision)
	if errors.Is(err, engine.ErrFuture) {
		err = &storeadmin.RefusedError{Reason: fmt.Sprintf("revision %d is not there yet; the newest one is %d", revision, o.engine.Revision())}
	}
	return uint64(o.engine.Horizon()), err
}

// Export implements storeadmin.Store.
func (o operated) Export(ctx context.Context, w io.Writer) error {
	_, err := transfer.Export(ctx, o.entries, w, func(transfer.Counts) {})
	return err
}

// Import implements storeadmin.Store.
func (o operated) Import(ctx context.Context, r io.Reader) (transfer.Result, error) {
	return transfer.Import(ctx, o.entries, r, time.Now)
}

// Rewrite implements storeadmin.Store.
func (o operated) Rewrite(ctx context.Context, progress func(storeadmin.Rewrite)) (storeadmin.Rewrite, error) {
	result, err := o.entries.rewrite(ctx, progress)
	if err != nil || result.Written == 0 {
		return result, err
	}
	// Older revisions are encrypted as before, and cannot be read once the old key
	// is gone.
	_, err = o.Compact(ctx, 0)
	return result, err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storage/entries"
	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// serveOperators answers the commands of operators at a socket in the data
// directory. Events are served without it, too: some file systems have no sockets.
func (s *Store) serveOperators() {
	server, err := storeadmin.Serve(context.Background(), s.config.Dir, s.Operations())
	if err != nil {
		klog.ErrorS(err, "Commands for the data directory cannot be served while the server runs")
		return
	}
	s.operators = server
}

func (s *Store) endOperators() error {
	if s.operators == nil {
		return nil
	}
	return s.operators.Close()
}

// Operations is what a command may ask of an open engine.
type Operations struct {
	Engine *engine.Engine
	// Entries is what is in it, decrypted; nil where only Snapshot and Compact are
	// used.
	Entries *entries.Store
}

// Operations is what a command may ask of the store. It must not be closed
// meanwhile.
func (s *Store) Operations() Operations {
	return Operations{Engine: s.engine, Entries: entries.OfEngine(s.engine, s.content.Root, s.content.Entries, s.keys.Transformer())}
}

var _ storeadmin.Store = Operations{}

// Snapshot implements storeadmin.Store.
func (o Operations) Snapshot(ctx context.Context, w io.Writer) error {
	_, err := o.Engine.Snapshot(ctx, w)
	return err
}

// Compact implements storeadmin.Store.
func (o Operations) Compact(ctx context.Context, upTo uint64) (uint64, error) {
	revision := engine.Revision(upTo)
	if revision == 0 {
		revision = o.Engine.Revision()
	}
	err := o.Engine.Compact(ctx, revision)
	if errors.Is(err, engine.ErrFuture) {
		err = &storeadmin.BadRequestError{Reason: fmt.Sprintf("revision %d is not there yet; the newest one is %d", revision, o.Engine.Revision())}
	}
	return uint64(o.Engine.CompactRevision()), err
}

// Export implements storeadmin.Store.
func (o Operations) Export(ctx context.Context, w io.Writer) error {
	_, err := transfer.Export(ctx, o.Entries, w, func(transfer.Counts) {})
	return err
}

// Import implements storeadmin.Store.
func (o Operations) Import(ctx context.Context, r io.Reader) (transfer.Result, error) {
	return transfer.Import(ctx, o.Entries, r, time.Now)
}

// Rewrite implements storeadmin.Store.
func (o Operations) Rewrite(ctx context.Context, progress func(storeadmin.Rewrite)) (storeadmin.Rewrite, error) {
	result, err := o.Entries.Rewrite(ctx, progress)
	if err != nil || result.Written == 0 {
		return result, err
	}
	// Older revisions are encrypted as before, and cannot be read once the old key
	// is gone.
	_, err = o.Compact(ctx, 0)
	return result, err
}

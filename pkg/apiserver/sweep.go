// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// sweepPage is how many events are looked at before others have a turn.
const sweepPage = 1000

// sweep waits until no event is in plain, and then for the files to be rid of
// those that were. It looks at each event once: what is sealed stays so, and
// what is written is sealed.
type sweep struct {
	engine *engine.Engine
	// next is the key to look at.
	next []byte
	// sealedAt is the revision at which all events were found sealed, or 0.
	sealedAt engine.Revision
	// told says that the log has told of an event in plain.
	told bool
}

// sight is what was seen on a page.
type sight int

const (
	sawEnd sight = iota
	sawPlain
	sawSealed
)

func newSweep(opened *engine.Engine) *sweep { return &sweep{engine: opened} }

// restart is for when events have been written in plain again.
func (s *sweep) restart() { s.next, s.sealedAt, s.told = nil, 0, false }

// run goes on as far as it can, and reports whether nothing is left.
func (s *sweep) run(ctx context.Context) (bool, error) {
	if s.sealedAt == 0 {
		if err := s.look(ctx); err != nil || s.sealedAt == 0 {
			return false, err
		}
	}
	// Before, what was replaced or deleted can still be read.
	if s.engine.Horizon() < s.sealedAt {
		return false, nil
	}
	upTo, err := s.engine.Purge(ctx)
	if err != nil {
		return false, fmt.Errorf("removing what was in plain: %w", err)
	}
	return upTo >= s.sealedAt, nil
}

// look goes on to the first event in plain, or to the end.
func (s *sweep) look(ctx context.Context) error {
	for {
		begun := time.Now()
		// Unlike the newest, a given revision also shows what has expired and is
		// not removed yet.
		at := s.engine.Revision()
		saw, err := s.lookAtPage(ctx, at)
		if err != nil {
			return fmt.Errorf("looking for events in plain: %w", err)
		}
		switch saw {
		case sawEnd:
			s.sealedAt = at
			return nil
		case sawPlain:
			s.tell()
			return nil
		case sawSealed:
		}
		// Half of the time is others'.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Since(begun)):
		}
	}
}

// lookAtPage looks at the next events, and stops at one in plain.
func (s *sweep) lookAtPage(ctx context.Context, at engine.Revision) (sight, error) {
	saw, looked := sawEnd, 0
	query := engine.Query{Prefix: []byte(embeddedPrefix + "/"), From: bytes.Clone(s.next), At: at}
	_, err := s.engine.List(ctx, query, func(record engine.Record) bool {
		switch {
		case isPlain(ctx, record.Value):
			saw = sawPlain
		case looked == sweepPage:
			saw = sawSealed
		default:
			looked++
			return true
		}
		s.next = append(s.next[:0], record.Key...)
		return false
	})
	return saw, err
}

// tell tells once what the operator can do.
func (s *sweep) tell() {
	if !s.told {
		klog.InfoS("Some events are plaintext from before encryption; each is encrypted when it is written again, and all are by compact --rewrite", "example", string(s.next))
	}
	s.told = true
}

// isPlain tells what was stored as it is from what a transformer has sealed.
func isPlain(ctx context.Context, stored []byte) bool {
	_, _, err := identity.NewEncryptCheckTransformer().TransformFromStorage(ctx, stored, nil)
	return err == nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

const (
	// pageEntries and pageBytes bound what is read at once: a page ends with the
	// entry that reaches one of them.
	pageEntries = 1000
	pageBytes   = 4 << 20
)

// engineEntries is the entryStore of a data directory.
type engineEntries struct{ engine *engine.Engine }

var _ entryStore = engineEntries{}

// OfEngine returns the content of an open data directory, whose keys begin with the
// root. The transformer decrypts and encrypts the values.
func OfEngine(opened *engine.Engine, root string, content Content, transformer value.Transformer) *Store {
	return newStore(engineEntries{opened}, root, content, transformer)
}

func (s engineEntries) page(ctx context.Context, prefix, from string) ([]entry, error) {
	var page []entry
	size := 0
	query := engine.Query{Prefix: []byte(prefix), From: []byte(from)}
	_, err := s.engine.List(ctx, query, func(record engine.Record) bool {
		record.Value = bytes.Clone(record.Value)
		page = append(page, *entryOf(record))
		size += len(record.Value)
		return len(page) < pageEntries && size < pageBytes
	})
	if err != nil {
		return nil, fmt.Errorf("reading the data directory: %w", err)
	}
	return page, nil
}

func entryOf(record engine.Record) *entry {
	return &entry{
		key:      string(record.Key),
		value:    record.Value,
		revision: int64(record.Revision), //nolint:gosec // revisions count commits
		deadline: record.Deadline,
	}
}

func (s engineEntries) get(ctx context.Context, key string) (*entry, error) {
	record, _, err := s.engine.Get(ctx, []byte(key), 0)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the data directory: %w", err)
	}
	return entryOf(record), nil
}

func (engineEntries) deadline(_ context.Context, of *entry) (time.Time, bool, error) {
	return of.deadline, true, nil
}

func (s engineEntries) create(ctx context.Context, key string, value []byte, deadline time.Time) (*entry, error) {
	_, err := s.engine.Commit(ctx, engine.Op{Key: []byte(key), Value: value, Expect: engine.Absent(), Deadline: deadline})
	if conflict := new(engine.ConflictError); errors.As(err, &conflict) {
		return entryOf(*conflict.Current), nil
	}
	return nil, err
}

func (s engineEntries) replace(ctx context.Context, old *entry, value []byte) (bool, error) {
	expect := engine.AtRevision(engine.Revision(old.revision)) //nolint:gosec // entryOf made it
	_, err := s.engine.Commit(ctx, engine.Op{Key: []byte(old.key), Value: value, Expect: expect, Deadline: old.deadline})
	if conflict := new(engine.ConflictError); errors.As(err, &conflict) {
		return false, nil
	}
	return err == nil, err
}

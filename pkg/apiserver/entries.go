// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"path"
	"time"

	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events/storedform"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/local"
)

// entry is a key of a store with what is stored there, encrypted or not.
type entry struct {
	key   string
	value []byte
	// revision is that of the last write.
	revision int64
	// lease is what ends the entry in etcd; 0 is none.
	lease int64
	// deadline is when the entry ends; the zero time is never. Entries of etcd have
	// it only after entryStore.deadline.
	deadline time.Time
}

// entryStore is a store below everything that makes objects of its bytes.
type entryStore interface {
	// page returns some of the entries under a prefix, in the order of their keys
	// from a key on; none at the end.
	page(ctx context.Context, prefix, from string) ([]entry, error)
	// get returns nil if nothing is stored.
	get(ctx context.Context, key string) (*entry, error)
	// deadline returns when the entry ends, the zero time being never. It returns
	// false if it has ended.
	deadline(ctx context.Context, of *entry) (time.Time, bool, error)
	// create stores a value where nothing is stored, and returns nil, or what is
	// stored there.
	create(ctx context.Context, key string, value []byte, deadline time.Time) (*entry, error)
	// replace stores a value in place of an entry's, with its deadline. It returns
	// false if the entry was changed or has ended.
	replace(ctx context.Context, old *entry, value []byte) (bool, error)
}

// layout is where a store keeps what. Both stores have the same one.
type layout struct {
	// events and hostRecords are what keys begin with, with the slash.
	events, hostRecords string
}

// layoutUnder is the layout under the root of all keys, like /events-apiserver.
func layoutUnder(root string) layout {
	root = path.Join("/", root)
	return layout{events: path.Join(root, "events") + "/", hostRecords: path.Join(root, local.Resource) + "/"}
}

// embeddedLayout is the one of every data directory.
func embeddedLayout() layout { return layoutUnder(path.Dir(embeddedPrefix)) }

// positionKey is the key below hostRecords of the record of the position.
const positionKey = "state/position"

// plainStore is an entryStore whose values are read and written decrypted.
type plainStore struct {
	entryStore
	layout
	transformer value.Transformer
	codec       storedform.Codec
}

// open returns the decrypted value of an entry, and whether it is to be encrypted
// again because that was done with another key than the one in use, or not at all.
func (s *plainStore) open(ctx context.Context, e *entry) (plaintext []byte, stale bool, err error) {
	plaintext, stale, err = s.transformer.TransformFromStorage(ctx, e.value, value.DefaultContext(e.key))
	if err != nil {
		return nil, false, fmt.Errorf("decrypting %s: %w", e.key, err)
	}
	return plaintext, stale, nil
}

// seal returns the value as it is to be stored under a key.
func (s *plainStore) seal(ctx context.Context, key string, plaintext []byte) ([]byte, error) {
	stored, err := s.transformer.TransformToStorage(ctx, plaintext, value.DefaultContext(key))
	if err != nil {
		return nil, fmt.Errorf("encrypting %s: %w", key, err)
	}
	return stored, nil
}

// each visits all entries under a prefix, a page at a time, until visit returns an
// error, which it returns. Entries that are written meanwhile may be left out.
func (s *plainStore) each(ctx context.Context, prefix string, visit func(page []entry) error) error {
	from := prefix
	for {
		page, err := s.page(ctx, prefix, from)
		if err != nil || len(page) == 0 {
			return err
		}
		// The next key above it.
		from = page[len(page)-1].key + "\x00"
		if err := visit(page); err != nil {
			return err
		}
	}
}

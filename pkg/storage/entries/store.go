// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"fmt"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage/value"
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

// Content says what is in a store, and how it is read. A data directory and an etcd
// have the same.
type Content struct {
	// Events and HostRecords are the names of the two kinds of entries, such as
	// events: what their keys begin with, below the root of all keys.
	Events, HostRecords string
	// Codec reads events. Its objects have metadata.
	Codec runtime.Decoder
	// CheckHostRecord returns an error for a value that is no record of the bridge to
	// the host cluster.
	CheckHostRecord func(plaintext []byte) error
}

// Prefix returns what the keys of one kind begin with under a root like
// /events-apiserver, with the slash at its end.
func Prefix(root, name string) string { return path.Join("/", root, name) + "/" }

// positionKey is the key, below that of the host records, of the record of the
// position.
const positionKey = "state/position"

// Store is the decrypted content of a store.
type Store struct {
	entryStore
	content     Content
	transformer value.Transformer
	// events and hostRecords are what keys begin with.
	events, hostRecords string
}

func newStore(stored entryStore, root string, content Content, transformer value.Transformer) *Store {
	return &Store{
		entryStore: stored, content: content, transformer: transformer,
		events: Prefix(root, content.Events), hostRecords: Prefix(root, content.HostRecords),
	}
}

// decrypt returns the decrypted value of an entry, and whether it is to be encrypted
// again because that was done with another key than the one in use, or not at all.
func (s *Store) decrypt(ctx context.Context, e *entry) (plaintext []byte, stale bool, err error) {
	plaintext, stale, err = s.transformer.TransformFromStorage(ctx, e.value, value.DefaultContext(e.key))
	if err != nil {
		return nil, false, fmt.Errorf("decrypting %s: %w", e.key, err)
	}
	return plaintext, stale, nil
}

// encrypt returns the value as it is to be stored under a key.
func (s *Store) encrypt(ctx context.Context, key string, plaintext []byte) ([]byte, error) {
	stored, err := s.transformer.TransformToStorage(ctx, plaintext, value.DefaultContext(key))
	if err != nil {
		return nil, fmt.Errorf("encrypting %s: %w", key, err)
	}
	return stored, nil
}

// each visits all entries under a prefix, a page at a time, until visit returns an
// error, which it returns. Entries that are written meanwhile may be left out.
func (s *Store) each(ctx context.Context, prefix string, visit func(page []entry) error) error {
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

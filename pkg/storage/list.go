// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// GetList implements storage.Interface.
func (s *Store) GetList(ctx context.Context, key string, opts storage.ListOptions, listObj runtime.Object) error {
	prefix, err := s.prepareKey(key, opts.Recursive)
	if err != nil {
		return err
	}
	items, err := itemsOf(listObj)
	if err != nil {
		return err
	}
	revision, continueKey, err := storage.ValidateListOptions(prefix, s.config.Versioner, opts)
	if err != nil {
		return err
	}
	list := &listing{
		store:  s,
		opts:   opts,
		pin:    s.config.pinned(opts.Predicate),
		items:  items,
		errors: itemErrors{collect: s.config.AllowUnsafeDelete},
		at: listPosition{
			prefix:      prefix,
			continueKey: continueKey,
			continued:   opts.Predicate.Continue != "",
			revision:    engine.Revision(revision), //nolint:gosec // ValidateListOptions returns none below 0
			remaining:   remainingOf(opts.Predicate.Continue),
		},
	}
	begun := time.Now()
	err = list.read(ctx)
	s.config.Observer.Listed(s.config.fieldOf(list.pin), list.evaluated, items.len(), time.Since(begun))
	if err != nil {
		return err
	}
	return list.finish(listObj)
}

// listing is one call of GetList.
type listing struct {
	store *Store
	opts  storage.ListOptions
	pin   pin
	items *itemSlice
	at    listPosition

	errors itemErrors
	// evaluated counts the objects that the selector was evaluated on; lastKey is the
	// key of the last of them.
	evaluated int
	lastKey   string
	// behind counts the keys after a full page, as far as they were read; uncounted is
	// whether there may be more.
	behind    int64
	uncounted bool
	// left estimates the number of keys from the start of the page on, 0 if it is not
	// known; leftIsOfList is whether it is of about the revision of the list.
	left         int64
	leftIsOfList bool
}

// read appends the items and sets the revision of the list.
func (l *listing) read(ctx context.Context) error {
	// A list at no particular revision is of the newest one, which must not be older than
	// the resource version of the request.
	if l.at.revision == 0 {
		if err := l.store.checkNotOlderThan(l.opts.ResourceVersion, l.store.engine.Revision()); err != nil {
			return err
		}
	}
	if err := l.estimate(); err != nil {
		return readError(err)
	}
	revision, err := l.scan(ctx)
	if err != nil {
		return listError(err, l.at, l.store.engine.Revision())
	}
	l.at.revision = revision
	return l.errors.result()
}

func (l *listing) scan(ctx context.Context) (engine.Revision, error) {
	if !l.opts.Recursive {
		record, revision, err := l.store.engine.Get(ctx, []byte(l.at.prefix), l.at.revision)
		if err == nil {
			l.add(ctx, record)
		} else if errors.Is(err, engine.ErrNotFound) {
			err = nil
		}
		return revision, err
	}
	query := engine.Query{Prefix: []byte(l.at.prefix), From: []byte(l.at.continueKey), At: l.at.revision}
	query = l.store.config.narrow(query, l.pin)
	return l.store.engine.List(ctx, query, func(record engine.Record) bool { return l.add(ctx, record) })
}

// add evaluates the next record in the order of keys and reports whether to go on.
func (l *listing) add(ctx context.Context, record engine.Record) bool {
	if limit := l.opts.Predicate.Limit; limit > 0 && int64(l.items.len()) >= limit {
		return l.addBehind()
	}
	key := string(record.Key)
	l.lastKey = key
	l.evaluated++
	obj, err := l.decode(ctx, key, record)
	if err != nil {
		return !l.errors.add(key, err)
	}
	if matched, err := l.opts.Predicate.Matches(obj); err == nil && matched {
		l.items.append(obj)
	}
	return true
}

// addBehind counts a key after a full page and reports whether to go on. The page of a
// list with a selector has no remainingItemCount: there one key is enough to know that
// the list continues.
func (l *listing) addBehind() bool {
	l.behind++
	if !l.opts.Predicate.Empty() {
		return false
	}
	if l.leftIsOfList && l.left-l.opts.Predicate.Limit > l.store.config.RemainingCountLimit {
		l.uncounted = true
		return false
	}
	if l.behind <= l.store.config.RemainingCountLimit {
		return true
	}
	l.uncounted = true
	return false
}

func (l *listing) decode(ctx context.Context, key string, record engine.Record) (runtime.Object, error) {
	data, _, err := l.store.values.open(ctx, key, record.Value)
	if err != nil {
		return nil, storage.NewInternalError(fmt.Errorf("unable to transform key %q: %w", key, err))
	}
	if ctx.Err() != nil {
		return nil, storage.NewTimeoutError(key, "request did not complete within requested timeout")
	}
	return l.store.values.decodeNew(data, l.items.newItem(), record.Revision)
}

// finish sets the metadata of the list.
func (l *listing) finish(listObj runtime.Object) error {
	l.items.neverNil()
	remaining, known := l.remaining()
	limit := l.opts.Predicate.Limit
	token, count, err := storage.PrepareContinueToken(l.lastKey, l.at.prefix, int64(l.at.revision), limit+remaining, l.behind > 0, l.opts) //nolint:gosec // revisions count commits
	if err != nil {
		return err
	}
	if !known {
		count = nil
	}
	if count != nil && l.uncounted {
		// The next page cannot count what is after it either, and needs this number.
		if token, err = addRemaining(token, *count); err != nil {
			return err
		}
	}
	if err := l.store.config.Versioner.UpdateList(listObj, uint64(l.at.revision), token, count); err != nil {
		return err
	}
	l.opts.Predicate.SetShardInfoOnList(listObj)
	return nil
}

// estimate sets left for a list without a selector, without reading the keys: from the
// continue token, or from the engine, whose number is always of the newest revision.
func (l *listing) estimate() error {
	if l.opts.Predicate.Limit == 0 || !l.opts.Recursive || !l.opts.Predicate.Empty() {
		return nil
	}
	if l.at.continued {
		l.left, l.leftIsOfList = l.at.remaining, l.at.remaining > 0
		return nil
	}
	left, known, err := l.store.engine.KnownCount([]byte(l.at.prefix))
	if err == nil && known {
		l.left, l.leftIsOfList = left, l.at.revision == 0
	}
	return err
}

// remaining returns the number of objects after the page, and false if not even an
// estimate is known. Above Config.RemainingCountLimit it is an estimate: an exact count
// would read all objects for each page.
func (l *listing) remaining() (count int64, known bool) {
	if !l.uncounted {
		return l.behind, true
	}
	return max(l.left-l.opts.Predicate.Limit, l.behind), l.left > 0
}

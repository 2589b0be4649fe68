// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

const (
	// rewriteWorkers is how many entries are written at once. Those that wait for
	// the disk together share one fsync.
	rewriteWorkers = 32
	// mostUnreadable is how many entries are named that cannot be read.
	mostUnreadable = 10
)

// Rewrite encrypts every entry with the key in use that was encrypted with another
// one, or not at all. Content and deadline of an entry stay the same; its resourceVersion is a
// new one, and watches get the event as MODIFIED. An entry that cannot be read is
// counted and left as it is.
//
// It works a page at a time, and after each as long as that took belongs to other
// writes and reads. Progress is called after each page.
func (s *Store) Rewrite(ctx context.Context, progress func(storeadmin.Rewrite)) (storeadmin.Rewrite, error) {
	r := &rewriting{store: s}
	for _, prefix := range []string{s.events, s.hostRecords} {
		err := s.each(ctx, prefix, func(page []entry) error {
			begun := time.Now()
			err := r.page(ctx, page)
			progress(r.result)
			if err != nil {
				return err
			}
			return pause(ctx, time.Since(begun))
		})
		if err != nil {
			return r.result, err
		}
	}
	return r.result, nil
}

// pause waits unless the context ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rewriting is one rewrite.
type rewriting struct {
	store *Store

	mutex  sync.Mutex
	result storeadmin.Rewrite
	// failed is the first error that ends it.
	failed error
}

// page writes those entries of a page that need it.
func (r *rewriting) page(ctx context.Context, page []entry) error {
	next := make(chan *entry)
	var workers sync.WaitGroup
	for range rewriteWorkers {
		workers.Go(func() {
			for one := range next {
				r.note(r.entry(ctx, one))
			}
		})
	}
	for i := range page {
		next <- &page[i]
	}
	close(next)
	workers.Wait()
	return r.failed
}

// note counts what became of an entry.
func (r *rewriting) note(written bool, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.result.Scanned++
	switch unreadable := new(unreadableError); {
	case errors.As(err, &unreadable):
		r.result.Unreadable++
		if len(r.result.Examples) < mostUnreadable {
			r.result.Examples = append(r.result.Examples, err.Error())
		}
	case err != nil && r.failed == nil:
		r.failed = err
	case written:
		r.result.Written++
	}
}

// unreadableError is for an entry that cannot be decrypted with any of the keys.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// entry writes an entry again if it needs that, and reports whether it did. One
// that another process writes meanwhile is read again.
func (r *rewriting) entry(ctx context.Context, one *entry) (written bool, err error) {
	for one != nil {
		plaintext, stale, err := r.store.decrypt(ctx, one)
		if err != nil {
			return false, &unreadableError{err}
		}
		if !stale {
			return false, nil
		}
		encrypted, err := r.store.encrypt(ctx, one.key, plaintext)
		if err != nil {
			return false, err
		}
		done, err := r.store.replace(ctx, one, encrypted)
		if err != nil {
			return false, fmt.Errorf("writing %s again: %w", one.key, err)
		}
		if done {
			return true, nil
		}
		if one, err = r.store.get(ctx, one.key); err != nil {
			return false, err
		}
	}
	return false, nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
)

// expiryJob measures creates while many events expire in one second.
type expiryJob struct {
	Store   storeFlags
	Writers int
	// Events expire together.
	Events int
	// Quiet is for how long creates are measured before that.
	Quiet time.Duration
}

type expiryResult struct {
	// Before and During are the creates a second, before anything expires and
	// while it is removed.
	Before, During float64
	// Took is how long it took until all were gone.
	Took time.Duration
}

func (j expiryJob) run(ctx context.Context) (any, error) {
	s, err := j.Store.open()
	if err != nil {
		return nil, err
	}
	r, err := j.measure(ctx, s)
	return r, errors.Join(err, s.close())
}

func (j expiryJob) measure(ctx context.Context, s *store) (expiryResult, error) {
	end, err := j.fill(ctx, s)
	if err != nil {
		return expiryResult{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var gone atomic.Int64
	if err := j.countGone(ctx, s, &gone); err != nil {
		return expiryResult{}, err
	}
	l := &load{store: s, writers: j.Writers, first: j.Events, until: end.Add(time.Hour), ttl: lifeOf(week)}
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()

	fmt.Fprintf(os.Stderr, "  they expire in %s; creating meanwhile\n", time.Until(end).Round(time.Second))
	if err := sleep(ctx, time.Until(end)-j.Quiet); err != nil {
		return expiryResult{}, err
	}
	from := l.made.Load()
	if err := sleep(ctx, time.Until(end)); err != nil {
		return expiryResult{}, err
	}
	r := expiryResult{Before: float64(l.made.Load()-from) / j.Quiet.Seconds()}
	if err := waitGone(ctx, &gone, 1); err != nil {
		return r, err
	}
	begun, from := time.Now(), l.made.Load()
	err = waitGone(ctx, &gone, int64(j.Events))
	r.Took = time.Since(begun)
	r.During = float64(l.made.Load()-from) / r.Took.Seconds()
	l.ending.Store(true)
	return r, errors.Join(err, <-done)
}

// fill creates what will expire, and returns when it will.
func (j expiryJob) fill(ctx context.Context, s *store) (end time.Time, err error) {
	// How long the filling takes decides when they can all expire.
	sample := min(j.Events, 20_000)
	begun := time.Now()
	if err := (&load{store: s, writers: j.Writers, first: 2_000_000_000, count: sample, ttl: lifeOf(week)}).run(ctx); err != nil {
		return time.Time{}, err
	}
	needed := time.Since(begun) * time.Duration(j.Events/sample+1)
	end = time.Now().Add(2*needed + j.Quiet + 5*time.Second).Truncate(time.Second)
	fill := &load{store: s, writers: j.Writers, count: j.Events, ttl: func() uint64 { return uint64(max(0, time.Until(end)/time.Second)) + 1 }}
	if err := fill.run(ctx); err != nil {
		return time.Time{}, err
	}
	if left := time.Until(end) - j.Quiet; left < 0 {
		return time.Time{}, fmt.Errorf("the filling took %s longer than there was time for", -left)
	}
	return end, nil
}

// countGone counts the deletions that a watch delivers.
func (j expiryJob) countGone(ctx context.Context, s *store, gone *atomic.Int64) error {
	current, err := s.GetCurrentResourceVersion(ctx)
	if err != nil {
		return fmt.Errorf("asking for the resource version: %w", err)
	}
	w, err := s.Watch(ctx, keyPrefix, storage.ListOptions{ResourceVersion: strconv.FormatUint(current, 10), Predicate: predicate(fields.Everything()), Recursive: true})
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	go func() {
		for delivered := range w.ResultChan() {
			if delivered.Type == watch.Deleted {
				gone.Add(1)
			}
		}
	}()
	return nil
}

// waitGone returns when so many are gone.
func waitGone(ctx context.Context, gone *atomic.Int64, events int64) error {
	const timeout = 15 * time.Minute
	deadline := time.Now().Add(timeout)
	for gone.Load() < events {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d events were gone after %s", gone.Load(), events, timeout)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// watchJob measures watchers of everything while events are created at a steady rate.
type watchJob struct {
	Store    storeFlags
	Watchers int
	// First is the number of the first event.
	First, Rate int
	For         time.Duration
}

type watchResult struct {
	// Created is how many events were created, and Rate how many a second.
	Created int
	Rate    float64
	// Delivered is how many of Created times Watchers were.
	Delivered int64
	// P50 and P99 are the times from the beginning of a create to its delivery.
	P50, P99 time.Duration
	CPU      time.Duration
}

func (j watchJob) run(ctx context.Context) (any, error) {
	s, err := j.Store.open()
	if err != nil {
		return nil, err
	}
	before, err := j.Store.cpu()
	if err != nil {
		return nil, err
	}
	r, err := j.measure(ctx, s)
	after, cpuErr := j.Store.cpu()
	r.CPU = (after - before) / time.Duration(max(r.Created, 1))
	return r, errors.Join(err, cpuErr, s.close())
}

func (j watchJob) measure(ctx context.Context, s *store) (watchResult, error) {
	total := int(j.For.Seconds() * float64(j.Rate))
	begins := make([]time.Time, total)
	current, err := s.GetCurrentResourceVersion(ctx)
	if err != nil {
		return watchResult{}, fmt.Errorf("asking for the resource version: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*j.For+time.Minute)
	defer cancel()
	followers := make([]*follower, j.Watchers)
	var running sync.WaitGroup
	for i := range followers {
		w, err := s.Watch(ctx, keyPrefix, storage.ListOptions{ResourceVersion: strconv.FormatUint(current, 10), Predicate: predicate(fields.Everything()), Recursive: true})
		if err != nil {
			return watchResult{}, fmt.Errorf("watching: %w", err)
		}
		followers[i] = &follower{begun: begins, first: j.First, codec: s.codec}
		running.Go(func() {
			defer w.Stop()
			followers[i].follow(ctx, w)
		})
	}
	created, rate, err := j.create(ctx, s, begins)
	running.Wait()
	r := watchResult{Created: created, Rate: rate}
	var lags []time.Duration
	for _, f := range followers {
		err = errors.Join(err, f.err)
		r.Delivered += int64(len(f.lags))
		lags = append(lags, f.lags...)
	}
	r.P50, r.P99 = percentile(lags, 50), percentile(lags, 99)
	return r, err
}

// create makes the events at the rate, noting when each began.
func (j watchJob) create(ctx context.Context, s *store, begins []time.Time) (created int, rate float64, err error) {
	g := newGenerator()
	begun := time.Now()
	numbers := make(chan int)
	var running sync.WaitGroup
	failures := make(chan error, len(begins))
	for range 64 {
		running.Go(func() {
			for n := range numbers {
				begins[n] = time.Now()
				if err := s.create(ctx, g, j.First+n, week); err != nil {
					failures <- err
				}
			}
		})
	}
	for n := range begins {
		if err = sleep(ctx, time.Until(begun.Add(time.Duration(n)*time.Second/time.Duration(j.Rate)))); err != nil {
			break
		}
		numbers <- n
	}
	close(numbers)
	running.Wait()
	close(failures)
	return len(begins), float64(len(begins)) / time.Since(begun).Seconds(), errors.Join(err, <-failures)
}

// follower takes what one watch delivers.
type follower struct {
	// begun has the time at which the create of each event began.
	begun  []time.Time
	first  int
	codec  runtime.Codec
	buffer bytes.Buffer
	lags   []time.Duration
	err    error
}

// follow returns when all events were delivered, or with err set.
func (f *follower) follow(ctx context.Context, w watch.Interface) {
	for len(f.lags) < len(f.begun) {
		select {
		case delivered, open := <-w.ResultChan():
			if !open {
				f.err = fmt.Errorf("the watch ended after %d of %d events", len(f.lags), len(f.begun))
				return
			}
			if f.err = f.take(delivered); f.err != nil {
				return
			}
		case <-ctx.Done():
			f.err = fmt.Errorf("%d of %d events were delivered in time", len(f.lags), len(f.begun))
			return
		}
	}
}

func (f *follower) take(delivered watch.Event) error {
	if delivered.Type != watch.Added {
		return fmt.Errorf("the watch delivered %s %v", delivered.Type, delivered.Object)
	}
	name, err := f.receive(delivered.Object)
	if err != nil {
		return err
	}
	n, err := numberOf(name)
	if err != nil {
		return err
	}
	if n < f.first || n >= f.first+len(f.begun) {
		return fmt.Errorf("the watch delivered event %d, which was not created", n)
	}
	f.lags = append(f.lags, time.Since(f.begun[n-f.first]))
	return nil
}

// encoding identifies what receive asks for.
const encoding runtime.Identifier = "bench"

// receive does with the object what a server does for each watcher, up to the
// connection, and returns the name of the event. A store that hands each watcher
// an object of its own is spared the encoding.
func (f *follower) receive(obj runtime.Object) (name string, err error) {
	if event, ok := obj.(*events.Event); ok {
		return event.Name, nil
	}
	shared, ok := obj.(runtime.CacheableObject)
	if !ok {
		return "", fmt.Errorf("the watch delivered %T", obj)
	}
	f.buffer.Reset()
	if err := shared.CacheEncode(encoding, f.encode, &f.buffer); err != nil {
		return "", fmt.Errorf("encoding an event: %w", err)
	}
	line, err := f.buffer.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// encode writes the name of the event on a line of its own before the event.
func (f *follower) encode(obj runtime.Object, w io.Writer) error {
	event, ok := obj.(*events.Event)
	if !ok {
		return fmt.Errorf("the watch delivered %T", obj)
	}
	if _, err := io.WriteString(w, event.Name+"\n"); err != nil {
		return err
	}
	return f.codec.Encode(event, w)
}

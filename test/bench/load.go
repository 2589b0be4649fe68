// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// load creates events from many goroutines until a number and a time are
// reached.
type load struct {
	store   *store
	writers int
	// first is the number of the first event.
	first int
	// The load ends when count were made and until is over.
	count int
	until time.Time
	ttl   func() uint64

	made atomic.Int64
	// ending, once set, ends the load after the creates under way.
	ending atomic.Bool
}

func lifeOf(seconds uint64) func() uint64 { return func() uint64 { return seconds } }

// run returns when the load has ended. The numbers of events made have no gap.
func (l *load) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := newGenerator()
	var next atomic.Int64
	var running sync.WaitGroup
	failures := make(chan error, l.writers)
	for range l.writers {
		running.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if l.ended(ctx, n) {
					return
				}
				if err := l.store.create(ctx, g, l.first+n, l.ttl()); err != nil {
					failures <- err
					cancel()
					return
				}
				l.made.Add(1)
			}
		})
	}
	running.Wait()
	close(failures)
	return errors.Join(<-failures)
}

func (l *load) ended(ctx context.Context, n int) bool {
	return ctx.Err() != nil || l.ending.Load() || n >= l.count && time.Now().After(l.until)
}

// follow samples the rate, and logs it at intervals, until stop is
// closed. It returns the creates a second in each interval.
func (l *load) follow(stop <-chan struct{}, interval time.Duration) []float64 {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var rates []float64
	var before int64
	last := time.Now()
	for {
		select {
		case <-stop:
			return rates
		case <-ticker.C:
		}
		made, now := l.made.Load(), time.Now()
		rates = append(rates, float64(made-before)/now.Sub(last).Seconds())
		before, last = made, now
		fmt.Fprintf(os.Stderr, "  %d events, %.0f/s\n", made, rates[len(rates)-1])
	}
}

// generatorCost is the processor time that making one event takes, without
// storing it.
func generatorCost() (time.Duration, error) {
	const events = 20_000
	g := newGenerator()
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	for i := range events {
		if key, event := g.event(i); key == "" || event == nil {
			return 0, errors.New("an event without a key")
		}
	}
	after, err := ownCPU()
	return (after - before) / events, err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// sampleEvery is the distance of the rates that are told and compared.
const sampleEvery = 10 * time.Second

// createJob is: create events from many writers, each waiting for the disk.
type createJob struct {
	Store   storeFlags
	Writers int
	// First is the number of the first event; Count and For bound the load, by
	// what comes last.
	First, Count int
	For          time.Duration
}

type createResult struct {
	Events  int
	Seconds float64
	// CPU is the processor time of the store and the load for each event, and
	// Generator what of it goes into making the event.
	CPU, Generator time.Duration
	// Rates are the creates a second, sample by sample.
	Rates  []float64
	Memory memory
}

func (j createJob) run(ctx context.Context) (any, error) {
	s, err := j.Store.open()
	if err != nil {
		return nil, err
	}
	generator, err := generatorCost()
	if err != nil {
		return nil, err
	}
	before, err := j.Store.cpu()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	l := &load{store: s, writers: j.Writers, first: j.First, count: j.Count, until: begun.Add(j.For), ttl: lifeOf(week)}
	rates, err := watched(ctx, l)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	took := time.Since(begun)
	// What the store still has to do for these events counts.
	err = s.close()
	after, cpuErr := j.Store.cpu()
	own, memoryErr := memoryOf(selfPID())
	made := int(l.made.Load())
	return createResult{
		Events: made, Seconds: took.Seconds(),
		CPU: (after - before) / time.Duration(max(made, 1)), Generator: generator,
		Rates: rates, Memory: own,
	}, errors.Join(err, cpuErr, memoryErr)
}

// watched runs the load while its rates are taken.
func watched(ctx context.Context, l *load) ([]float64, error) {
	stop, sampled := make(chan struct{}), make(chan []float64)
	go func() { sampled <- l.follow(stop, sampleEvery) }()
	err := l.run(ctx)
	close(stop)
	return <-sampled, err
}

// protobufBytes is the mean size of the stored form of an event.
func protobufBytes(codec runtime.Codec, events int) (float64, error) {
	const samples = 10_000
	g := newGenerator()
	total, n := 0, 0
	for i := 0; i < events; i += max(1, events/samples) {
		_, event := g.event(i)
		data, err := runtime.Encode(codec, event)
		if err != nil {
			return 0, fmt.Errorf("encoding an event: %w", err)
		}
		total += len(data)
		n++
	}
	return float64(total) / float64(max(n, 1)), nil
}

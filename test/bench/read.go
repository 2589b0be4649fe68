// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/fields"
)

const (
	pageSize = 500
	pages    = 100
)

// readJob measures lists of a store without writes.
type readJob struct {
	Store storeFlags
	// Events is how many there are, from 0 on.
	Events int
	// Lists is how many lists of one pod are made.
	Lists int
	// AtRest waits, after some lists, until the store is at rest, and makes the
	// others then.
	AtRest bool
	// Small, if it has any events, is listed in turn with the store in the end,
	// TurnLists times in each round.
	Small       storeFlags
	SmallEvents int
	TurnLists   int
	Seed        uint64
}

type readResult struct {
	// Open is how long opening the store took.
	Open time.Duration
	// OfPod are lists of one regarding.uid. With AtRest BusyOfPod are those before,
	// while compactions after the load still run, and Rest is how long they took.
	OfPod, BusyOfPod listTimes
	Rest             time.Duration
	// First and Hundredth are the median times of those pages, zero if there
	// are not so many.
	First, Hundredth time.Duration
	// ProtobufBytes is the sum of the sizes of all events as protobuf.
	ProtobufBytes float64
	// Memory is that of the process before it opens the small store.
	Memory memory
	InTurn inTurn
}

func (j readJob) run(ctx context.Context) (any, error) {
	begun := time.Now()
	s, err := j.Store.open()
	if err != nil {
		return nil, err
	}
	r := readResult{Open: time.Since(begun)}
	big := populated{s, j.Events}
	err = j.lists(ctx, big, &r)
	mean, sizeErr := protobufBytes(s.codec, j.Events)
	r.ProtobufBytes = mean * float64(j.Events)
	own, memoryErr := memoryOf(selfPID())
	r.Memory = own
	if err == nil && j.SmallEvents > 0 {
		r.InTurn, err = j.inTurn(ctx, big)
	}
	return r, errors.Join(err, sizeErr, memoryErr, s.close())
}

func (j readJob) inTurn(ctx context.Context, big populated) (r inTurn, err error) {
	s, err := j.Small.open()
	if err != nil {
		return r, err
	}
	if j.AtRest {
		_, err = untilAtRest(ctx)
	}
	// How much of a store is in memory is the machine's affair and not the store's.
	if err == nil {
		err = cacheFiles(ctx, j.Store.Dir)
	}
	if err == nil {
		r, err = listInTurn(ctx, big, populated{s, j.SmallEvents}, j.random(2), j.TurnLists)
	}
	return r, errors.Join(err, s.close())
}

// random makes numbers that depend on the seed and on what they are for.
func (j readJob) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(j.Seed, stream))
}

func (j readJob) lists(ctx context.Context, s populated, r *readResult) (err error) {
	if j.AtRest {
		if r.BusyOfPod, err = s.ofPods(ctx, j.random(0), j.Lists); err != nil {
			return err
		}
		if r.Rest, err = untilAtRest(ctx); err != nil {
			return err
		}
	}
	if r.OfPod, err = s.ofPods(ctx, j.random(1), j.Lists); err != nil {
		return err
	}
	return j.pages(ctx, s.store, r)
}

// pages reads from the first page on, a few times over.
func (j readJob) pages(ctx context.Context, s *store, r *readResult) error {
	const rounds = 5
	var first, hundredth []time.Duration
	for range rounds {
		p := predicate(fields.Everything())
		p.Limit = pageSize
		for n := 1; n <= pages && n*pageSize <= j.Events; n++ {
			list, t, err := s.list(ctx, p)
			if err != nil {
				return err
			}
			if len(list.Items) != pageSize {
				return fmt.Errorf("page %d has %d events, want %d", n, len(list.Items), pageSize)
			}
			switch n {
			case 1:
				first = append(first, t)
			case pages:
				hundredth = append(hundredth, t)
			}
			p.Continue = list.Continue
		}
	}
	r.First, r.Hundredth = percentile(first, 50), percentile(hundredth, 50)
	return nil
}

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

// readJob is: lists of a store that nobody writes to.
type readJob struct {
	Store storeFlags
	// Events is how many there are, from 0 on.
	Events int
	// Lists is how many lists of one pod are made.
	Lists int
	// AtRest waits, after some lists, until the store is at rest, and makes the
	// others then.
	AtRest bool
	Seed   uint64
}

type readResult struct {
	// Open is how long opening the store took.
	Open time.Duration
	// OfPod are lists of one regarding.uid. With AtRest BusyOfPod are those before,
	// while the store still merges files that a load has left, and Rest is how long
	// that lasted.
	OfPod, BusyOfPod listTimes
	Rest             time.Duration
	// First and Hundredth are the median times of those pages, zero if there
	// are not so many.
	First, Hundredth time.Duration
	// ProtobufBytes is the sum of the sizes of all events as protobuf.
	ProtobufBytes float64
	Memory        memory
}

func (j readJob) run(ctx context.Context) (any, error) {
	begun := time.Now()
	s, err := j.Store.open()
	if err != nil {
		return nil, err
	}
	r := readResult{Open: time.Since(begun)}
	err = j.lists(ctx, s, &r)
	mean, sizeErr := protobufBytes(s.codec, j.Events)
	r.ProtobufBytes = mean * float64(j.Events)
	own, memoryErr := memoryOf(selfPID())
	r.Memory = own
	return r, errors.Join(err, sizeErr, memoryErr, s.close())
}

func (j readJob) lists(ctx context.Context, s *store, r *readResult) (err error) {
	if j.AtRest {
		if r.BusyOfPod, err = j.ofPods(ctx, s, 0); err != nil {
			return err
		}
		if r.Rest, err = untilAtRest(ctx); err != nil {
			return err
		}
	}
	if r.OfPod, err = j.ofPods(ctx, s, 1); err != nil {
		return err
	}
	return j.pages(ctx, s, r)
}

// listTimes are the median time of lists and what one in a hundred exceeds.
type listTimes struct{ P50, P99 time.Duration }

// ofPods lists the events of pods taken at random from all, so that caches help
// as little as they would in a cluster.
func (j readJob) ofPods(ctx context.Context, s *store, stream uint64) (listTimes, error) {
	random := rand.New(rand.NewPCG(j.Seed, stream))
	var took []time.Duration
	for range j.Lists {
		pod := random.IntN(j.Events / eventsPerPod)
		list, t, err := s.list(ctx, ofPod(pod))
		if err != nil {
			return listTimes{}, err
		}
		if len(list.Items) != eventsPerPod {
			return listTimes{}, fmt.Errorf("%d events about pod %d, want %d", len(list.Items), pod, eventsPerPod)
		}
		took = append(took, t)
	}
	return listTimes{percentile(took, 50), percentile(took, 99)}, nil
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

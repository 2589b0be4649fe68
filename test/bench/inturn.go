// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// turns is how many rounds of lists are made of two stores in turn, each of
	// turnLists lists; the first warmTurns are not counted.
	turns     = 120
	warmTurns = 20
	turnLists = 500
)

// populated is a store with what is in it.
type populated struct {
	*store
	// events is how many there are, from 0 on.
	events int
}

// inTurn is what the same lists take of two stores, measured in turn by one
// process: the machine changes its speed from minute to minute.
type inTurn struct {
	// Big and Small are the medians of the rounds' medians, and Times is that of how
	// many times as long those of the big store took in the same round.
	Big, Small time.Duration
	Times      float64
	// FromDisk is as in listTimes, of the big store.
	FromDisk float64
}

func listInTurn(ctx context.Context, big, small populated, random *rand.Rand) (inTurn, error) {
	var bigs, smalls []time.Duration
	var ratios, fromDisk []float64
	for turn := range turns {
		b, err := big.ofPods(ctx, random, turnLists)
		if err != nil {
			return inTurn{}, fmt.Errorf("listing the big store: %w", err)
		}
		s, err := small.ofPods(ctx, random, turnLists)
		if err != nil {
			return inTurn{}, fmt.Errorf("listing the small store: %w", err)
		}
		if turn < warmTurns {
			continue
		}
		bigs, smalls = append(bigs, b.P50), append(smalls, s.P50)
		ratios, fromDisk = append(ratios, faster(s.P50, b.P50)), append(fromDisk, b.FromDisk)
	}
	slices.Sort(ratios)
	slices.Sort(fromDisk)
	return inTurn{
		Big: percentile(bigs, 50), Small: percentile(smalls, 50), Times: ratios[len(ratios)/2], FromDisk: fromDisk[len(fromDisk)/2],
	}, nil
}

// listTimes are the median time of lists and what one in a hundred exceeds.
type listTimes struct {
	P50, P99 time.Duration
	// FromDisk is how many bytes were read from the disk for each list.
	FromDisk float64
}

// ofPods lists the events of pods taken at random from all, so that caches help
// as little as they would in a cluster.
func (p populated) ofPods(ctx context.Context, random *rand.Rand, lists int) (listTimes, error) {
	before, err := diskReads()
	if err != nil {
		return listTimes{}, err
	}
	var took []time.Duration
	for range lists {
		pod := random.IntN(p.events / eventsPerPod)
		list, t, err := p.list(ctx, ofPod(pod))
		if err != nil {
			return listTimes{}, err
		}
		if len(list.Items) != eventsPerPod {
			return listTimes{}, fmt.Errorf("%d events about pod %d, want %d", len(list.Items), pod, eventsPerPod)
		}
		took = append(took, t)
	}
	after, err := diskReads()
	return listTimes{P50: percentile(took, 50), P99: percentile(took, 99), FromDisk: float64(after-before) / float64(lists)}, err
}

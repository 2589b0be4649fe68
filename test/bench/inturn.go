// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// turns is how many rounds of lists are made of two stores in turn; the first
	// warmTurns are not counted.
	turns     = 120
	warmTurns = 20
	// turnsOfBlocks is how many rounds as large are made of lists that are told
	// apart by the blocks they read.
	turnsOfBlocks = 40
	// mostBlocks is where those are counted that read more.
	mostBlocks = 4
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
	// many times as long those of the big store took, in the same round.
	Big, Small time.Duration
	Times      float64
	// FromDisk is as in listTimes, of the big store.
	FromDisk float64
	// ByBlocks are lists of the big store, by how many blocks they read from files.
	ByBlocks []blockTimes
}

func listInTurn(ctx context.Context, big, small populated, random *rand.Rand, turnLists int) (inTurn, error) {
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
	byBlocks, err := big.byBlocks(ctx, random, turnsOfBlocks*turnLists)
	return inTurn{
		Big: percentile(bigs, 50), Small: percentile(smalls, 50), Times: ratios[len(ratios)/2], FromDisk: fromDisk[len(fromDisk)/2],
		ByBlocks: byBlocks,
	}, err
}

// blockTimes are the lists that read so many blocks.
type blockTimes struct {
	Blocks, Lists int
	P50           time.Duration
}

// byBlocks makes lists that it looks at one by one. Nobody else may read files
// meanwhile.
func (p populated) byBlocks(ctx context.Context, random *rand.Rand, lists int) ([]blockTimes, error) {
	// Each look reads files, too, always as many times.
	first, err := readsSoFar()
	if err != nil {
		return nil, err
	}
	before, err := readsSoFar()
	look := before.Calls - first.Calls
	var took [mostBlocks + 1][]time.Duration
	for range lists {
		if err != nil {
			return nil, err
		}
		t, listErr := p.ofPod(ctx, random)
		var after fileReads
		after, err = readsSoFar()
		err = errors.Join(listErr, err)
		blocks := min(max(after.Calls-before.Calls-look, 0), mostBlocks)
		took[blocks] = append(took[blocks], t)
		before = after
	}
	var of []blockTimes
	for blocks, times := range took {
		if len(times) > 0 {
			of = append(of, blockTimes{Blocks: blocks, Lists: len(times), P50: percentile(times, 50)})
		}
	}
	return of, err
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
	before, err := readsSoFar()
	if err != nil {
		return listTimes{}, err
	}
	var took []time.Duration
	for range lists {
		t, err := p.ofPod(ctx, random)
		if err != nil {
			return listTimes{}, err
		}
		took = append(took, t)
	}
	after, err := readsSoFar()
	return listTimes{P50: percentile(took, 50), P99: percentile(took, 99), FromDisk: float64(after.FromDisk-before.FromDisk) / float64(lists)}, err
}

// ofPod lists the events of one such pod and returns how long that took.
func (p populated) ofPod(ctx context.Context, random *rand.Rand) (time.Duration, error) {
	pod := random.IntN(p.events / eventsPerPod)
	list, took, err := p.list(ctx, ofPod(pod))
	if err != nil {
		return 0, err
	}
	if len(list.Items) != eventsPerPod {
		return 0, fmt.Errorf("%d events about pod %d, want %d", len(list.Items), pod, eventsPerPod)
	}
	return took, nil
}

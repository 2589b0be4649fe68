// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// effort is how much to fuzz: for some time, or a number of cases.
type effort struct {
	duration time.Duration
	cases    uint64
}

// fuzzEffort reads PARITY_FUZZ: a duration like 10m, a number of cases, or 0 for
// none. A short while is part of every run.
func fuzzEffort() (effort, error) {
	const always = 45 * time.Second
	text := os.Getenv("PARITY_FUZZ")
	if text == "" {
		return effort{duration: always}, nil
	}
	if cases, err := strconv.ParseUint(text, 10, 64); err == nil {
		return effort{cases: cases}, nil
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return effort{}, fmt.Errorf("PARITY_FUZZ is %q: want a duration, such as 10m, or a number of cases", text)
	}
	return effort{duration: duration}, nil
}

// fuzzSeed reads PARITY_SEED, or chooses one.
func fuzzSeed() (uint64, error) {
	text := os.Getenv("PARITY_SEED")
	if text == "" {
		return rand.Uint64N(1e9), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("PARITY_SEED is %q: want a number", text)
	}
	return seed, nil
}

// fuzz runs random cases concurrently until the effort is spent or one fails.
func (s *session) fuzz(t *testing.T) {
	t.Helper()
	spend, err := fuzzEffort()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := fuzzSeed()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: the same cases again with PARITY_SEED=%d", seed, seed)
	end := time.Now().Add(spend.duration)
	var next, ran atomic.Uint64
	more := func() (number uint64, more bool) {
		number = next.Add(1)
		return number, spend.cases >= number || spend.cases == 0 && time.Now().Before(end)
	}
	t.Cleanup(func() { t.Logf("%d made-up cases from seed %d", ran.Load(), seed) })
	const workers = 4
	for worker := range workers {
		t.Run(fmt.Sprintf("worker-%d", worker+1), func(t *testing.T) {
			t.Parallel()
			for number, ok := more(); ok; number, ok = more() {
				c := newFuzzer(seed, number).testCase(caseName(seed, number))
				s.fuzzOne(t, &c)
				ran.Add(1)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func (s *session) fuzzOne(t *testing.T, c *testCase) {
	t.Helper()
	result, err := s.run(t.Context(), c, s.namespace())
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	s.requests.Add(int64(result.requests))
	s.cases.Add(1)
	if len(result.differences) == 0 {
		return
	}
	first := result.differences[0]
	smallest := minimize(*c, s.stillDiffers(t.Context(), &first))
	written, err := asData(&smallest)
	if err != nil {
		t.Error(err)
	}
	contradicts, err := s.contradictsItself(t.Context(), &smallest, first.place, s.namespace())
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
	}
	if contradicts {
		t.Logf("no difference, since the built-in itself answers now so and now so: %s", first.String())
		return
	}
	s.differences.Add(1)
	t.Errorf("%s\nAs a case for testdata, as small as it could be made:\n%s", first.String(), written)
}

// stillDiffers reports whether a smaller case differs in the same place. It gives up
// after a while: a case that is small enough will do.
func (s *session) stillDiffers(ctx context.Context, first *difference) func(*testCase) bool {
	const most = 200
	tries := 0
	return func(c *testCase) bool {
		if tries++; tries > most {
			return false
		}
		result, err := s.run(ctx, c, s.namespace())
		if err != nil {
			return false
		}
		for i := range result.differences {
			if result.differences[i].place == first.place {
				return true
			}
		}
		return false
	}
}

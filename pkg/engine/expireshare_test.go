// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestRestAfter_EndsWhenWritersHadTheirShare(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	ended := make(chan error, 1)
	share := expireShare{rest: 1, writes: 1}
	begun := e.Revision()
	go func() { ended <- e.throttleAfter(t.Context(), time.Hour, share) }()
	for n := 0; len(ended) == 0 && n < 10*expireChunk; n++ {
		put(t, e, strconv.Itoa(n), "value")
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if written := e.Revision() - begun; written < expireChunk {
		t.Errorf("it ended after %d writes, want %d", written, expireChunk)
	}
}

func TestRestAfter_EndsWithoutWriters(t *testing.T) {
	t.Parallel()
	e := open(t, Config{})
	const took = 10 * time.Millisecond
	begun := time.Now()
	if err := e.throttleAfter(t.Context(), took, expireShare{rest: 2, writes: 8}); err != nil {
		t.Fatal(err)
	}
	if rested := time.Since(begun); rested < 2*took {
		t.Errorf("it rested for %s, want twice %s", rested, took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.throttleAfter(ctx, time.Hour, expireShare{rest: 1, writes: 8}); !errors.Is(err, context.Canceled) {
		t.Errorf("called off, it says %v", err)
	}
}

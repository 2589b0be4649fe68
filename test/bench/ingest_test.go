// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// Events before the first one, other names, and a second delivery do not count.
func TestIngestFollower(t *testing.T) {
	t.Parallel()
	const first = 200
	names := newGenerator()
	see := func(f *ingestFollower, i int) {
		_, event := names.event(i)
		f.see(event.Name)
	}
	f := &ingestFollower{first: first, answered: make([]time.Time, 3), seen: make([]time.Time, 3)}
	f.see("of somebody else")
	see(f, first-1)
	see(f, first) // before the host's answer has arrived
	f.answer(first)
	f.answer(first + 2)
	see(f, first+2)
	seen := f.seen[2]
	see(f, first+2)
	see(f, first+3)
	lags, missing := f.lags()
	if len(lags) != 2 || missing != 1 || lags[0] != 0 || lags[1] != seen.Sub(f.answered[2]) {
		t.Errorf("lags %v, %d are missing, want that of the first, 0, that of the third, and one missing", lags, missing)
	}
}

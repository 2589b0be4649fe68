// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two runs with one seed have the same rounds, and a hundred rounds have every kind.
func TestPlan(t *testing.T) {
	t.Parallel()
	const startTime = 300 * time.Millisecond
	first, second := plan{newRandom(7, 2)}, plan{newRandom(7, 2)}
	ended, short := map[moment]int{}, 0
	for range 100 {
		r := first.next(startTime)
		if diff := cmp.Diff(r, second.next(startTime), cmp.AllowUnexported(round{})); diff != "" {
			t.Fatalf("the same seed gives another plan:\n%s", diff)
		}
		ended[r.moment]++
		if r.ttl < longTTL {
			short++
		}
		if r.compaction < shortCompaction {
			t.Errorf("%+v: the server forgets sooner than the record allows", r)
		}
		if r.moment == duringStart && r.after > startTime {
			t.Errorf("%+v: the start would be over", r)
		}
	}
	for _, m := range []moment{underLoad, duringStart, duringCompaction, duringStop, never} {
		if ended[m] == 0 {
			t.Errorf("no round of a hundred ends %s", m)
		}
	}
	if short == 0 || short == 100 {
		t.Errorf("%d rounds of a hundred have a short time to live", short)
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package crash

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// A first start creates certificates and the data directory. At whatever point it is killed,
// the next start must succeed.
func TestKillFirstStart(t *testing.T) {
	t.Parallel()
	const directories, kills = 10, 3
	random := newRandom(uint64(time.Now().UnixNano()), 0)
	for n := range directories {
		var after []time.Duration
		for range kills {
			after = append(after, time.Duration(random.IntN(400))*time.Millisecond)
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			t.Logf("killed after %v", after)
			s := newTestServer(t)
			for _, d := range after {
				if err := s.start(); err != nil {
					t.Fatal(err)
				}
				select {
				case <-s.exited:
					t.Fatalf("the server has ended: %s; its log ends with:\n%s", s.state, tail(s.log))
				case <-time.After(d):
				}
				s.kill()
			}
			c := ready(t, s)
			want := fill(t, c, 0, 3)
			if got := listNames(t, c); !slices.Equal(got, want) {
				t.Errorf("it holds %q, want %q", got, want)
			}
		})
	}
}

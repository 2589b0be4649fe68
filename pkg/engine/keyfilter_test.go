// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"sync"
	"testing"
)

func TestKeyFilter(t *testing.T) {
	t.Parallel()
	const keys = 20_000
	tests := map[string]struct {
		bitsForKey int64
		mostWrong  float64 // of the absent keys
		crowded    bool
	}{
		"thirteen bits for each key": {13, 0.01, false},
		"crowded":                    {5, 0.3, true},
		"far too small":              {1, 1, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newKeyFilter(keys * test.bitsForKey / 8)
			present := func(n int) []byte { return fmt.Append(nil, "present-", n) }
			var adding sync.WaitGroup
			for part := range 4 {
				adding.Go(func() {
					for n := part; n < keys+keys/4; n++ { // most are added by several
						f.add(present(n % keys))
					}
				})
			}
			adding.Wait()
			wrong := 0
			for n := range keys {
				if f.lacks(present(n)) {
					t.Fatalf("lacks %s, which was added", present(n))
				}
				if !f.lacks(fmt.Append(nil, "absent-", n)) {
					wrong++
				}
			}
			if got := float64(wrong) / keys; got > test.mostWrong {
				t.Errorf("takes %v of the absent keys for present, want at most %v", got, test.mostWrong)
			}
			if got := f.crowded(0); got != test.crowded {
				t.Errorf("crowded: %v with %d added, want %v", got, f.added.Load(), test.crowded)
			}
			if f.crowded(keys) {
				t.Error("crowded with what exists: it would be built for ever")
			}
		})
	}
}

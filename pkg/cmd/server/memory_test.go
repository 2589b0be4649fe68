// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

var errUnreadable = errors.New("permission denied")

// It is about the whole process, so no other test runs beside it.
func TestLimitMemory(t *testing.T) {
	const before, container = 5 << 30, 1 << 30
	share := func(of float64) int64 { return int64(of * memoryShare) }
	for name, c := range map[string]struct {
		set       bool
		container memlimit.Provider
		want      int64
		err       error
	}{
		"a container with a limit":     {false, memlimit.Limit(container), share(container), nil},
		"a container without one":      {false, failingWith(memlimit.ErrNoLimit), math.MaxInt64, nil},
		"no container":                 {false, failingWith(memlimit.ErrNoCgroup), before, nil},
		"a limit that cannot be read":  {false, failingWith(errUnreadable), before, errUnreadable},
		"GOMEMLIMIT has the last word": {true, memlimit.Limit(container), before, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", "5GiB") // puts back what was there
			if !c.set {
				if err := os.Unsetenv("GOMEMLIMIT"); err != nil {
					t.Fatal(err)
				}
			}
			was := debug.SetMemoryLimit(before)
			_, err := limitMemory(c.container)
			if got := debug.SetMemoryLimit(was); got != c.want {
				t.Errorf("the limit is %d, want %d", got, c.want)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
		})
	}
}

func failingWith(err error) memlimit.Provider {
	return func() (uint64, error) { return 0, err }
}

// It is about the whole process, so no other test runs beside it.
func TestLimitGarbage(t *testing.T) {
	const before = 123
	for name, c := range map[string]struct {
		set  bool
		want int
	}{
		"without GOGC":           {false, embeddedGarbagePercent},
		"GOGC has the last word": {true, before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "123") // puts back what was there
			if !c.set {
				if err := os.Unsetenv("GOGC"); err != nil {
					t.Fatal(err)
				}
			}
			was := debug.SetGCPercent(before)
			LimitGarbage()
			if got := debug.SetGCPercent(was); got != c.want {
				t.Errorf("garbage may be %d percent, want %d", got, c.want)
			}
		})
	}
}

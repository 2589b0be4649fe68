// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parity

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestParity sends every case to both servers.
func TestParity(t *testing.T) {
	themes, err := loadCases(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := loadWanted(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	p := startPair(t)
	p.wanted = list.of(parityStore())
	s := &session{pair: p, prefix: fmt.Sprintf("parity-%06x", rand.Uint32N(1<<24)), known: countCases(themes)}
	t.Cleanup(func() {
		t.Logf("%d requests in %d cases, %d differences", s.requests.Load(), s.cases.Load(), s.differences.Load())
	})
	t.Run("cases", func(t *testing.T) { s.themes(t, themes, false) })
	t.Run("fuzz", s.fuzz)
	t.Run("serial", func(t *testing.T) { s.themes(t, themes, true) })
	s.checkStale(t)
}

func countCases(themes map[string][]testCase) int {
	n := 0
	for _, cases := range themes {
		n += len(cases)
	}
	return n
}

// checkStale fails for a wanted difference that is none any more. A run of some
// of the cases cannot tell.
func (s *session) checkStale(t *testing.T) {
	t.Helper()
	if int(s.dataCases.Load()) < s.known {
		t.Logf("ran %d of %d cases: whether each wanted difference is still there was not checked", s.dataCases.Load(), s.known)
		return
	}
	for _, id := range s.wanted.stale() {
		t.Errorf("%s: no case met %q: remove it there and in docs/api-conformance.md", differencesFile, id)
	}
}

// session is one run of the suite.
type session struct {
	*pair
	prefix      string
	known       int // cases in the data
	namespaces  atomic.Int64
	dataCases   atomic.Int64
	requests    atomic.Int64
	cases       atomic.Int64
	differences atomic.Int64
}

// themes runs the cases that may run side by side, or the others.
func (s *session) themes(t *testing.T, themes map[string][]testCase, serial bool) {
	t.Helper()
	for _, theme := range slices.Sorted(maps.Keys(themes)) {
		t.Run(theme, func(t *testing.T) { s.theme(t, themes[theme], serial) })
	}
}

// namespace is a new one on both servers.
func (s *session) namespace() string { return fmt.Sprintf("%s-%d", s.prefix, s.namespaces.Add(1)) }

func (s *session) theme(t *testing.T, cases []testCase, serial bool) {
	t.Helper()
	if !serial {
		t.Parallel()
	}
	for i := range cases {
		c := &cases[i]
		if c.Serial != serial {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if !serial {
				t.Parallel()
			}
			s.cases.Add(1)
			s.dataCases.Add(1)
			s.check(t, c)
		})
	}
}

func (s *session) check(t *testing.T, c *testCase) {
	t.Helper()
	result, err := s.run(t.Context(), c, s.namespace())
	if err != nil {
		t.Fatal(err)
	}
	s.requests.Add(int64(result.requests))
	s.differences.Add(int64(len(result.differences)))
	if os.Getenv("PARITY_SHOW") != "" {
		t.Logf("the built-in answers:\n%s", strings.Join(result.answers, "\n"))
	}
	if len(result.differences) == 0 {
		return
	}
	var lines []string
	for i := range result.differences {
		lines = append(lines, result.differences[i].String())
	}
	t.Errorf("%d differences\n%s", len(lines), strings.Join(lines, "\n"))
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// stats are the figures of a run.
type stats struct {
	// ended is how many processes ended at each moment.
	ended map[moment]int
	// ready are the times from exec to ready, verified those of the verification of
	// all answers after it, checked those of the offline checks.
	ready, verified, checked times
	// compactionsResumed is how often a process took up what a killed one had not
	// finished.
	compactionsResumed int

	acknowledged map[string]int
	doubt        doubt
	// watches counts those that went on after another one, refusals requests for
	// revisions that were too old.
	watches, refusals int
}

// doubt counts the writes without an answer, by whether they were made.
type doubt struct{ made, inPart, notMade int }

func newStats() stats { return stats{ended: map[moment]int{}, acknowledged: map[string]int{}} }

// kills is how often a server was killed.
func (s *stats) kills() int {
	kills := 0
	for m, times := range s.ended {
		if m != never {
			kills += times
		}
	}
	return kills
}

// last describes the round that has just ended.
func (s *stats) last(r round) string {
	if r.moment == duringStart {
		return fmt.Sprintf("the last one %s, after %s", r.moment, r.after.Round(time.Millisecond))
	}
	return fmt.Sprintf("the last one %s; it was ready after %s and verified in %s", r.moment,
		s.ready.last().Round(time.Millisecond), s.verified.last().Round(time.Millisecond))
}

// count collects the figures of all clients.
func (s *stats) count(r *record, writers []*writer, followers []*follower) {
	s.doubt, s.refusals = r.doubt, r.refused
	for _, w := range writers {
		for verb, times := range w.acknowledged {
			s.acknowledged[verb] += times
		}
	}
	for _, f := range followers {
		s.watches += f.resumed
	}
}

// lines returns all figures as text.
func (s *stats) lines() []string {
	var ended, verbs []string
	for _, m := range slices.Sorted(maps.Keys(s.ended)) {
		ended = append(ended, fmt.Sprintf("%s %d", m, s.ended[m]))
	}
	for _, verb := range slices.Sorted(maps.Keys(s.acknowledged)) {
		verbs = append(verbs, fmt.Sprintf("%s %d", verb, s.acknowledged[verb]))
	}
	return []string{
		fmt.Sprintf("%d kills; processes ended: %s", s.kills(), strings.Join(ended, ", ")),
		fmt.Sprintf("from exec to ready: median %s, longest %s, of %d starts", s.ready.median(), s.ready.max(), len(s.ready)),
		fmt.Sprintf("verification after a start: median %s, longest %s", s.verified.median(), s.verified.max()),
		fmt.Sprintf("offline checks: %d, median %s, longest %s", len(s.checked), s.checked.median(), s.checked.max()),
		fmt.Sprintf("compactions that a kill interrupted: %d", s.compactionsResumed),
		"acknowledged: " + strings.Join(verbs, ", "),
		fmt.Sprintf("without an answer: %d made, %d made in part, %d not made", s.doubt.made, s.doubt.inPart, s.doubt.notMade),
		fmt.Sprintf("watches that went on after another one: %d; requests for a revision that was too old: %d", s.watches, s.refusals),
	}
}

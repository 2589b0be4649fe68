// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"math/rand/v2"
	"net/http"
)

// randomizer makes scripts up. The same seed and number make the same script.
type randomizer struct{ *rand.Rand }

func randomScript(seed, number uint64) script {
	return script{
		name: fmt.Sprintf("made up %d of seed %d", number, seed),
		steps: func(ns string) []step {
			const length = 14
			r := randomizer{rand.New(rand.NewPCG(seed, number))}
			var steps []step
			for range length {
				steps = append(steps, r.step(ns))
			}
			return steps
		},
	}
}

func (r randomizer) step(ns string) step {
	a := []api{eventsAPI(), coreAPI()}[r.IntN(2)]
	name := r.pick("a", "b", "c")
	var query []string
	if r.IntN(10) == 0 {
		query = append(query, "dryRun=All")
	}
	const kinds = 20
	switch n := r.IntN(kinds); {
	case n < 6:
		return create(a, r.event(name, ns), 0, query...)
	case n < 9:
		event := r.event(name, ns)
		if r.IntN(2) == 0 {
			event = merge(event, version(currentVersion))
		}
		return update(a, event, 0, query...)
	case n < 14:
		return patch(a, name, r.pick(mergePatch, strategicPatch), merge(r.change(), r.change()), 0, query...)
	case n < 15:
		// All of the event and one manager for each API, as managers are one thing
		// that the two views need not have in common.
		return applied(a, merge(modern(name, ns), series(2+r.IntN(5))), "of-"+a.groupVersion[:1], 0, append(query, "force=true")...)
	case n < 19:
		s := remove(a, name, 0, query...)
		if r.IntN(4) == 0 {
			s.body = tree{"preconditions": tree{"uid": r.pick(currentUID, "another")}}
		}
		return s
	}
	return step{api: a, do: doDeleteCollection, code: http.StatusOK, query: queryOf(append(query, "fieldSelector="+r.pick("reason=Started", "regarding.name=pod-a", "type=Warning")))}
}

func (r randomizer) event(name, ns string) tree {
	base := modern
	if r.IntN(3) == 0 {
		base = legacy
	}
	event := base(name, ns)
	for r.IntN(2) == 0 {
		event = merge(event, r.change())
	}
	return event
}

func (r randomizer) change() tree {
	changes := []tree{
		series(2 + r.IntN(5)),
		labels("k", r.pick("v", "w")),
		{"metadata": tree{"annotations": tree{"k": r.pick("v", "w")}}},
		{"metadata": tree{"ownerReferences": []any{tree{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}}}},
		{"note": r.pick("it runs", "it is pulled", "")},
		{"type": r.pick("Warning", "Strange")},
		{"reason": r.pick("Started", "Pulled", "Failed")},
		{"deprecatedCount": float64(1 + r.IntN(5))},
		{"deprecatedLastTimestamp": "2026-01-02T04:05:06Z"},
		{"related": tree{"kind": "Node", "name": r.pick("n", "m")}},
		{"series": nil},
		{"action": r.pick("Start", "")},
	}
	return changes[r.IntN(len(changes))]
}

func (r randomizer) pick(values ...string) string { return values[r.IntN(len(values))] }

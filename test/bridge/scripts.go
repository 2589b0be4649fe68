// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// scripts are those that were thought of. Each is about one question.
func scripts() []script {
	return []script{
		{"modern events", modernLife},
		{"legacy events", legacyLife},
		{"changed through both", changedThroughBoth},
		{"name taken", nameTaken},
		{"made again", madeAgain},
		{"collections", collections},
		{"dry run", dryRun},
		{"generated names", generatedNames},
		{"namespace missing", namespaceMissing},
		{"invalid", invalid},
		{"apply", apply},
		{"preconditions", preconditions},
		{"made by update", madeByUpdate},
		{"finalizers", finalizers},
		{"namespace terminating", namespaceTerminating},
	}
}

func create(a api, event tree, code int, query ...string) step {
	s := step{api: a, do: doCreate, body: event, code: code, query: queryOf(query)}
	s.name = nameOf(event)
	// In the path of a creation there is no name; it is for people.
	return s
}

func update(a api, event tree, code int, query ...string) step {
	return step{api: a, do: doUpdate, name: nameOf(event), body: event, code: code, query: queryOf(query)}
}

func patch(a api, name, patchType string, body any, code int, query ...string) step {
	return step{api: a, do: doPatch, name: name, patchType: patchType, body: body, code: code, query: queryOf(query)}
}

func applied(a api, event tree, manager string, code int, query ...string) step {
	return step{api: a, do: doApply, name: nameOf(event), body: event, code: code, query: queryOf(append(query, "fieldManager="+manager))}
}

func remove(a api, name string, code int, query ...string) step {
	return step{api: a, do: doDelete, name: name, code: code, query: queryOf(query)}
}

func removeAll(a api, query ...string) step {
	return step{api: a, do: doDeleteCollection, code: http.StatusOK, query: queryOf(query)}
}

func queryOf(parameters []string) url.Values {
	if len(parameters) == 0 {
		return nil
	}
	query := url.Values{}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		query.Add(name, value)
	}
	return query
}

func series(count int) tree {
	return tree{"series": tree{"count": float64(count), "lastObservedTime": "2026-01-02T03:05:05.000006Z"}}
}

func version(v string) tree { return tree{"metadata": tree{"resourceVersion": v}} }

func labels(pairs ...string) tree {
	all := tree{}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return tree{"metadata": tree{"labels": all}}
}

// modernLife does with an event what newer recorders do, and all else that can
// be done with one, through each API.
func modernLife(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		steps = append(steps,
			create(a, modern("a", ns), http.StatusCreated),
			patch(a, "a", strategicPatch, series(2), http.StatusOK),
			patch(a, "a", mergePatch, series(3), http.StatusOK),
			patch(a, "a", mergePatch, series(3), http.StatusOK),
			patch(a, "a", jsonPatch, []any{tree{"op": "replace", "path": "/series/count", "value": float64(4)}}, http.StatusOK),
			patch(a, "a", mergePatch, labels("k", "v"), http.StatusOK),
			update(a, modern("a", ns, series(5), version(currentVersion)), http.StatusOK),
			update(a, modern("a", ns, series(6), version("1")), http.StatusConflict),
			update(a, modern("a", ns, series(7)), http.StatusOK),
			remove(a, "a", http.StatusOK),
			remove(a, "a", http.StatusNotFound),
			patch(a, "a", mergePatch, series(8), http.StatusNotFound),
		)
	}
	return steps
}

// legacyLife does what kubelet does.
func legacyLife(ns string) []step {
	a := coreAPI()
	return []step{
		create(a, legacy("a", ns), http.StatusCreated),
		patch(a, "a", strategicPatch, tree{"deprecatedCount": float64(2), "deprecatedLastTimestamp": "2026-01-02T03:05:06Z"}, http.StatusOK),
		patch(a, "a", mergePatch, tree{"note": "it is pulled again", "type": "Warning"}, http.StatusOK),
		update(a, legacy("a", ns, tree{"reason": "Other", "deprecatedCount": float64(9)}), http.StatusOK),
		create(a, legacy("b", ns, tree{"type": nil, "reason": nil, "note": nil, "deprecatedSource": nil}), http.StatusCreated),
		create(a, legacy("c", ns, tree{"reportingController": "example.com/controller", "note": strings.Repeat("long ", 1000)}), http.StatusCreated),
		remove(a, "a", http.StatusOK),
		remove(eventsAPI(), "b", http.StatusOK),
		remove(eventsAPI(), "c", http.StatusOK),
	}
}

func changedThroughBoth(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		b := a.other()
		steps = append(steps,
			create(a, modern("a", ns), http.StatusCreated),
			patch(b, "a", mergePatch, series(2), http.StatusOK),
			patch(a, "a", mergePatch, series(3), http.StatusOK),
			update(b, modern("a", ns, series(4), version(currentVersion)), http.StatusOK),
			update(a, modern("a", ns, series(5), version(currentVersion)), http.StatusOK),
			patch(b, "a", mergePatch, labels("k", b.groupVersion[:1]), http.StatusOK),
			patch(a, "a", mergePatch, tree{"metadata": tree{"annotations": tree{"k": "v"}}}, http.StatusOK),
			remove(b, "a", http.StatusOK),
			remove(a, "a", http.StatusNotFound),
		)
	}
	return append(steps,
		// What the kubelet wrote is no event that events.k8s.io would take.
		create(coreAPI(), legacy("b", ns), http.StatusCreated),
		patch(eventsAPI(), "b", mergePatch, labels("k", "v"), 0),
		patch(eventsAPI(), "b", mergePatch, series(2), 0),
		patch(coreAPI(), "b", mergePatch, tree{"deprecatedCount": float64(7)}, http.StatusOK),
		remove(eventsAPI(), "b", http.StatusOK),
	)
}

func nameTaken(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		b := a.other()
		steps = append(steps,
			create(a, modern("a", ns), http.StatusCreated),
			create(b, modern("a", ns, tree{"note": "another"}), http.StatusConflict),
			create(a, modern("a", ns, tree{"note": "another"}), http.StatusConflict),
			create(b, modern("a", ns), http.StatusConflict, "dryRun=All"),
			remove(b, "a", http.StatusOK),
			create(b, modern("a", ns, tree{"note": "another"}), http.StatusCreated),
			remove(a, "a", http.StatusOK),
		)
	}
	return steps
}

func madeAgain(ns string) []step {
	var steps []step
	for i := range 4 {
		a := []api{eventsAPI(), coreAPI()}[i%2]
		b := []api{eventsAPI(), coreAPI()}[i/2]
		steps = append(steps,
			create(a, modern("a", ns), http.StatusCreated),
			remove(b, "a", http.StatusOK),
			create(a, modern("a", ns, series(2)), http.StatusCreated),
			remove(b, "a", http.StatusOK),
		)
	}
	return steps
}

func collections(ns string) []step {
	var steps []step
	fill := func() {
		for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
			a := []api{eventsAPI(), coreAPI()}[i%2]
			steps = append(steps, create(a, modern(name, ns, labels("group", []string{"x", "y", "z"}[i/2]), tree{"reason": []string{"One", "Two"}[i%2]}), http.StatusCreated))
		}
	}
	for _, a := range []api{eventsAPI(), coreAPI()} {
		fill()
		steps = append(steps,
			removeAll(a, "labelSelector=group=x", "dryRun=All"),
			removeAll(a, "labelSelector=group=x"),
			removeAll(a, "fieldSelector=regarding.name=pod-c"),
			removeAll(a, "fieldSelector=reason=Two"),
			removeAll(a, "labelSelector=group=none"),
			removeAll(a),
			removeAll(a),
		)
	}
	return steps
}

func dryRun(ns string) []step {
	var steps []step
	const dry = "dryRun=All"
	for _, a := range []api{eventsAPI(), coreAPI()} {
		b := a.other()
		steps = append(steps,
			create(a, modern("a", ns), http.StatusCreated, dry),
			update(a, modern("a", ns), http.StatusCreated, dry),
			applied(a, modern("a", ns), "one", http.StatusCreated, dry),
			remove(a, "a", http.StatusNotFound, dry),
			create(b, modern("a", ns), http.StatusCreated),
			create(a, modern("a", ns), http.StatusConflict, dry),
			update(a, modern("a", ns, series(3)), http.StatusOK, dry),
			patch(a, "a", mergePatch, series(4), http.StatusOK, dry),
			patch(a, "a", jsonPatch, []any{tree{"op": "remove", "path": "/reason"}}, 0, dry),
			remove(a, "a", http.StatusOK, dry),
			removeAll(a, dry),
			remove(b, "a", http.StatusOK),
		)
	}
	return steps
}

func generatedNames(ns string) []step {
	generated := func(prefix string) tree {
		event := modern("x", ns)
		meta := maps.Clone(event["metadata"].(tree))
		delete(meta, "name")
		meta["generateName"] = prefix
		event["metadata"] = meta
		return event
	}
	return []step{
		create(eventsAPI(), generated("gen-"), http.StatusCreated),
		create(coreAPI(), generated("gen-"), http.StatusCreated),
		create(eventsAPI(), generated("other-one-"), http.StatusCreated),
		create(eventsAPI(), generated(strings.Repeat("long", 30)), http.StatusCreated),
		create(eventsAPI(), generated("dry-"), http.StatusCreated, "dryRun=All"),
		removeAll(eventsAPI()),
	}
}

func namespaceMissing(string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		const ns = "bridge-nowhere"
		for _, s := range []step{
			create(a, modern("a", ns), http.StatusNotFound),
			create(a, modern("a", ns), http.StatusNotFound, "dryRun=All"),
			update(a, modern("a", ns), http.StatusNotFound),
			remove(a, "a", http.StatusNotFound),
			removeAll(a),
		} {
			s.namespace = ns
			steps = append(steps, s)
		}
	}
	return steps
}

func invalid(ns string) []step {
	var steps []step
	bad := []tree{
		{"reportingController": nil},
		{"reportingController": "not a name"},
		{"reportingInstance": nil},
		{"action": nil},
		{"reason": nil},
		{"type": "Strange"},
		{"eventTime": nil},
		{"note": strings.Repeat("x", 1025)},
		{"regarding": tree{"namespace": "another"}},
		{"regarding": tree{"kind": "Node", "namespace": nil}},
		{"deprecatedCount": float64(2)},
		{"series": tree{"count": float64(1)}},
		{"metadata": tree{"name": "Not A Name"}},
		{"metadata": tree{"labels": tree{"not a label": "x"}}},
		{"metadata": tree{"namespace": "another"}},
	}
	for _, a := range []api{eventsAPI(), coreAPI()} {
		for i, change := range bad {
			steps = append(steps, create(a, modern("a", ns, change), 0))
			if i%2 == 0 {
				// The event, if it was made, is out of the way.
				steps = append(steps, remove(a.other(), "a", 0))
			} else {
				steps = append(steps, remove(a, "a", 0))
			}
		}
		steps = append(steps,
			step{api: a, do: doCreate, body: "{", code: http.StatusBadRequest},
			step{api: a, do: doCreate, body: `{"kind":"Event","apiVersion":"v2"}`, code: http.StatusBadRequest},
			create(a, modern("a", ns, tree{"unknown": "x"}), http.StatusBadRequest, "fieldValidation=Strict"),
			create(a, modern("a", ns), http.StatusCreated),
		)
		for _, change := range []tree{
			{"reason": "Other"}, {"note": "another"}, {"action": "Stop"}, {"type": "Warning"}, {"regarding": tree{"name": "another"}},
			{"reportingController": "example.com/other"}, {"eventTime": "2026-02-02T03:04:05.000006Z"}, {"deprecatedCount": float64(3)},
			{"metadata": tree{"uid": "other"}}, {"metadata": tree{"name": "b"}}, {"series": tree{"count": float64(-1)}},
		} {
			s := update(a, modern("a", ns, change), 0)
			s.name = "a"
			steps = append(steps, s, patch(a, "a", mergePatch, change, 0))
		}
		steps = append(steps, removeAll(a))
	}
	return steps
}

func apply(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		steps = append(steps,
			applied(a, modern("a", ns), "one", http.StatusCreated),
			applied(a, modern("a", ns), "one", http.StatusOK),
			applied(a, modern("a", ns, series(2)), "one", http.StatusOK),
			applied(a, modern("a", ns, series(3)), "two", http.StatusConflict),
			applied(a, modern("a", ns, series(3)), "two", http.StatusOK, "force=true"),
			applied(a, modern("a", ns, series(3), labels("k", "v")), "two", http.StatusOK),
			applied(a, modern("a", ns, series(3)), "two", http.StatusOK),
			applied(a, modern("a", ns, series(4)), "two", http.StatusOK, "dryRun=All"),
			patch(a.other(), "a", mergePatch, series(6), http.StatusOK),
			applied(a, modern("a", ns, series(7)), "two", http.StatusOK, "force=true"),
			remove(a.other(), "a", http.StatusOK),
			applied(a, modern("a", ns, series(8)), "two", http.StatusCreated),
			remove(a, "a", http.StatusOK),
		)
	}
	return steps
}

func preconditions(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		with := func(precondition tree, code int) step {
			s := remove(a, "a", code)
			s.body = tree{"preconditions": precondition}
			return s
		}
		steps = append(steps,
			create(a.other(), modern("a", ns), http.StatusCreated),
			with(tree{"uid": "another"}, http.StatusConflict),
			with(tree{"resourceVersion": "1"}, http.StatusConflict),
			with(tree{"uid": currentUID}, http.StatusOK),
			create(a, modern("a", ns), http.StatusCreated),
			with(tree{"resourceVersion": currentVersion}, http.StatusOK),
		)
	}
	return steps
}

// madeByUpdate makes events by a PUT, which events allow.
func madeByUpdate(ns string) []step {
	var steps []step
	for _, a := range []api{eventsAPI(), coreAPI()} {
		steps = append(steps,
			update(a, modern("a", ns), http.StatusCreated),
			update(a.other(), modern("a", ns, series(2)), http.StatusOK),
			update(a, modern("b", ns, version("1")), 0),
			removeAll(a),
		)
	}
	return steps
}

func finalizers(ns string) []step {
	var steps []step
	held := tree{"metadata": tree{"finalizers": []any{"example.com/hold"}}}
	for _, a := range []api{eventsAPI(), coreAPI()} {
		for _, b := range []api{a, a.other()} {
			steps = append(steps,
				create(a, modern("a", ns, held), http.StatusCreated),
				remove(b, "a", http.StatusOK),
				patch(b, "a", mergePatch, series(2), http.StatusOK),
				patch(b, "a", mergePatch, tree{"metadata": tree{"finalizers": nil}}, http.StatusOK),
				create(a, modern("a", ns), http.StatusCreated),
				remove(b, "a", http.StatusOK),
			)
		}
	}
	return steps
}

func namespaceTerminating(ns string) []step {
	steps := []step{
		create(eventsAPI(), modern("a", ns), http.StatusCreated),
		create(coreAPI(), legacy("b", ns), http.StatusCreated),
		{do: doTerminate},
	}
	for _, a := range []api{eventsAPI(), coreAPI()} {
		steps = append(steps,
			create(a, modern("c", ns), http.StatusForbidden),
			create(a, modern("c", ns), http.StatusForbidden, "dryRun=All"),
			update(a, modern("c", ns), http.StatusForbidden),
			remove(a, "c", http.StatusNotFound),
		)
	}
	return steps
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// lists are what the two APIs list of one namespace.
type lists struct {
	core, events []tree
}

func (s *side) lists(ctx context.Context) (lists, error) {
	var l lists
	var err error
	if l.core, _, err = s.client.list(ctx, coreAPI(), s.namespace, nil); err != nil {
		return l, fmt.Errorf("%s: %w", s.name, err)
	}
	if l.events, _, err = s.client.list(ctx, eventsAPI(), s.namespace, nil); err != nil {
		return l, fmt.Errorf("%s: %w", s.name, err)
	}
	return l, nil
}

// disagreement tells where the two lists of one cluster are not one set of
// events: each event must be in both with the same uid, times and content.
func disagreement(l lists) string {
	return compareLooks(newNormal().list(l.core, true), newNormal().list(l.events, true))
}

// otherContent does so for events that may have another uid in core/v1: what was
// answered while the host did not take it keeps the uid that was answered.
func otherContent(l lists) string {
	return compareLooks(newNormal().list(l.core, false), newNormal().list(l.events, false))
}

func compareLooks(core, events []tree) string {
	for i := range events {
		events[i] = coreForm(events[i])
		delete(events[i], "apiVersion")
		delete(events[i], "kind")
	}
	for i := range core {
		delete(core[i], "apiVersion")
		delete(core[i], "kind")
	}
	return difference("core/v1", show(core), "events.k8s.io/v1", show(events))
}

// compareLists tells where a cluster's lists differ from the oracle's.
func compareLists(oracle, other *side, want, got lists) string {
	return strings.Join(slices.DeleteFunc([]string{
		difference(oracle.name+" in core/v1", show(oracle.normal.list(want.core, false)), other.name+" in core/v1", show(other.normal.list(got.core, false))),
		difference(oracle.name+" in events.k8s.io/v1", show(oracle.normal.list(want.events, false)), other.name+" in events.k8s.io/v1", show(other.normal.list(got.events, false))),
	}, func(s string) bool { return s == "" }), "\n")
}

// selectors are field selectors in the terms of events.k8s.io/v1.
func selectors() []string {
	return []string{
		"metadata.name=a", "regarding.name=pod-a", "regarding.kind=Pod", "regarding.uid=uid-b",
		"reason=Started", "type=Normal", "reportingController=example.com/controller",
	}
}

// details are what else the two APIs tell: single events by name, and what
// selectors find.
func (s *side) details(ctx context.Context, names []string) (tree, error) {
	result := tree{}
	for _, a := range []api{coreAPI(), eventsAPI()} {
		for _, name := range names {
			got, err := s.client.ask(ctx, http.MethodGet, a.path(s.namespace, name), nil, "", nil)
			if err != nil {
				return nil, fmt.Errorf("%s: getting %s through %s: %w", s.name, name, a.name, err)
			}
			result[a.name+" "+name] = s.normal.answer(got)
		}
		for _, selector := range selectors() {
			query := url.Values{"fieldSelector": {selector}}
			if a == coreAPI() {
				query = coreSelectors(query)
			}
			items, _, err := s.client.list(ctx, a, s.namespace, query)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			found := []any{}
			for _, item := range s.normal.list(items, false) {
				found = append(found, nameOf(item))
			}
			result[a.name+"?"+selector] = found
		}
	}
	return result, nil
}

// difference shows the lines that only one of two texts has, or nothing if they
// are equal.
func difference(oneName, one, otherName, other string) string {
	if one == other {
		return ""
	}
	a, b := strings.Split(one, "\n"), strings.Split(other, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return fmt.Sprintf("%s has\n%s\nwhere %s has\n%s", oneName, excerpt(a), otherName, excerpt(b))
}

// excerpt keeps a failure readable.
func excerpt(lines []string) string {
	const most = 60
	if len(lines) == 0 {
		return "\t(nothing)"
	}
	if len(lines) > most {
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("... and %d lines more", len(lines)-most))
	}
	return "\t" + strings.Join(lines, "\n\t")
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const conformanceFile = "../../docs/api-conformance.md"

// endpoints are those of events.k8s.io/v1, below its path.
func endpoints() map[string][]string {
	return map[string][]string{
		"/":                                     {"GET"},
		"/events":                               {"GET"},
		"/watch/events":                         {"GET"},
		"/namespaces/{namespace}/events":        {"GET", "POST", "DELETE"},
		"/watch/namespaces/{namespace}/events":  {"GET"},
		"/namespaces/{namespace}/events/{name}": {"GET", "PUT", "PATCH", "DELETE"},
		"/watch/namespaces/{namespace}/events/{name}": {"GET"},
	}
}

// parameters are the query parameters, and what they are for.
func parameters() map[string][]string {
	writes := []string{"create", "update", "patch"}
	deletions := []string{"delete", "delete collection"}
	return map[string][]string{
		"pretty":               {"all"},
		"limit":                {"list", "delete collection", "watch"},
		"continue":             {"list", "delete collection", "watch"},
		"fieldSelector":        {"list", "watch", "delete collection"},
		"labelSelector":        {"list", "watch", "delete collection"},
		"resourceVersion":      {"list", "get", "watch"},
		"resourceVersionMatch": {"list", "watch"},
		"timeoutSeconds":       {"list", "watch", "delete collection"},
		"watch":                {"list"},
		"allowWatchBookmarks":  {"watch"},
		"sendInitialEvents":    {"watch"},
		"dryRun":               append(slices.Clone(writes), deletions...),
		"fieldManager":         writes,
		"fieldValidation":      writes,
		"force":                {"patch"},
		"gracePeriodSeconds":   deletions,
		"orphanDependents":     deletions,
		"propagationPolicy":    deletions,
	}
}

// loaded are the document's rows and the cases that they name.
type loaded struct {
	rows  []row
	cases map[string]*testCase
	files map[string]string // the theme of each case
}

func load(t *testing.T) *loaded {
	t.Helper()
	document, err := os.ReadFile(conformanceFile)
	if err != nil {
		t.Fatal(err)
	}
	themes, err := loadCases(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	l := &loaded{rows: readTables(string(document)), cases: map[string]*testCase{}, files: map[string]string{}}
	for theme, cases := range themes {
		for i := range cases {
			l.cases[cases[i].Name] = &cases[i]
			l.files[cases[i].Name] = theme
		}
	}
	return l
}

// proof are the cases that a row names.
func (l *loaded) proof(r row) []*testCase {
	var found []*testCase
	for _, name := range quoted(r.cells[len(r.cells)-1]) {
		if c, ok := l.cases[name]; ok {
			found = append(found, c)
		}
	}
	return found
}

func (l *loaded) section(title string) []row {
	return slices.DeleteFunc(slices.Clone(l.rows), func(r row) bool { return r.section != title })
}

// find returns the row of a section that begins with the cells, without quotes.
func (l *loaded) find(section string, cells ...string) *row {
	for _, r := range l.section(section) {
		match := len(r.cells) > len(cells)
		for i := range cells {
			match = match && strings.Trim(r.cells[i], "`") == cells[i]
		}
		if match {
			return &r
		}
	}
	return nil
}

// asks reports whether one of the cases has a compared request like that.
func asks(cases []*testCase, want func(request) bool) bool {
	for _, c := range cases {
		for i := range c.Steps {
			if r, ok := describe(&c.Steps[i]); ok && !c.Steps[i].Setup && want(r) {
				return true
			}
		}
	}
	return false
}

func TestConformance_EndpointsHaveProof(t *testing.T) {
	t.Parallel()
	l := load(t)
	for path, methods := range endpoints() {
		for _, method := range methods {
			r := l.find("Endpoints", path, method)
			if r == nil {
				t.Errorf("no row for %s %s", method, path)
				continue
			}
			if !asks(l.proof(*r), func(q request) bool { return q.method == method && q.path == path }) {
				t.Errorf("%s %s: none of the cases in its row asks that", method, path)
			}
		}
	}
}

func TestConformance_ParametersHaveProof(t *testing.T) {
	t.Parallel()
	l := load(t)
	for name, kinds := range parameters() {
		for _, kind := range kinds {
			r := l.find("Query parameters", name, kind)
			if r == nil {
				t.Errorf("no row for %s on %s", name, kind)
				continue
			}
			matches := func(q request) bool {
				return q.has(name) && (kind == "all" || q.kind() == kind || name == "watch")
			}
			if !asks(l.proof(*r), matches) {
				t.Errorf("%s on %s: none of the cases in its row asks that", name, kind)
			}
		}
	}
}

// Every case that the document names must be there, and every theme must be named:
// what is tested is told.
func TestConformance_CasesExist(t *testing.T) {
	t.Parallel()
	l := load(t)
	named := map[string]bool{}
	for _, r := range l.rows {
		if r.section == "Differences on purpose" {
			continue
		}
		for _, name := range quoted(r.cells[len(r.cells)-1]) {
			if _, ok := l.cases[name]; !ok {
				t.Errorf("%s: there is no case %s", strings.Join(r.cells[:len(r.cells)-1], " "), name)
			}
			named[l.files[name]] = true
		}
	}
	document, err := os.ReadFile(conformanceFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, theme := range l.files {
		if strings.Contains(string(document), "`"+name+"`") {
			named[theme] = true
		}
	}
	for _, theme := range l.files {
		if !named[theme] {
			t.Errorf("no row names a case of testdata/%s.yaml", theme)
			named[theme] = true
		}
	}
}

func TestConformance_DifferencesAreListed(t *testing.T) {
	t.Parallel()
	l := load(t)
	w, err := loadWanted(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	rows := l.section("Differences on purpose")
	for _, r := range rows {
		if ids := quoted(r.cells[0]); len(ids) != 1 || !w.has(ids[0]) {
			t.Errorf("%s is no difference in %s", r.cells[0], differencesFile)
		}
	}
	for _, d := range w.Differences {
		r := l.find("Differences on purpose", d.ID)
		if r == nil || r.cells[1] != strings.TrimSpace(d.Reason) {
			t.Errorf("the document should say:\n| `%s` | %s |", d.ID, strings.TrimSpace(d.Reason))
		}
	}
}

// A step that is better names a difference that is listed.
func TestData_BetterStepsNameADifference(t *testing.T) {
	t.Parallel()
	w, err := loadWanted(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range load(t).cases {
		for i := range c.Steps {
			if better := c.Steps[i].Better; better != nil && !w.has(better.Difference) {
				t.Errorf("%s, step %d: there is no difference %q", name, i+1, better.Difference)
			}
		}
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"regexp"
	"strings"
)

// row is one line of a table in docs/api-conformance.md.
type row struct {
	section string
	cells   []string
}

// readTables finds the rows of the tables of a document, without their heads.
func readTables(document string) []row {
	var rows []row
	section, head := "", true
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		if !strings.HasPrefix(line, "|") {
			head = true
			continue
		}
		if strings.HasPrefix(line, "| ---") {
			head = false
			continue
		}
		if head {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, row{section: section, cells: cells})
	}
	return rows
}

// quoted are the texts in backquotes.
func quoted(text string) []string {
	var found []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// request is what a step asks for, in the terms of the API's description.
type request struct {
	method, path string
	query        string
	name         bool // whether the path is that of one event
}

// describe finds the endpoint that a step asks. Documents outside of the group
// have none.
func describe(s *step) (request, bool) {
	do := newRunner(nil, "{namespace}").vars.expandKnown(s.Do)
	method, rest, _ := strings.Cut(do, " ")
	path, query, _ := strings.Cut(rest, "?")
	path, ok := strings.CutPrefix(path, groupPath+"/v1")
	if !ok {
		return request{}, false
	}
	if path == "" {
		path = "/"
	}
	named := regexp.MustCompile("^((?:/watch)?/namespaces/{namespace}/events)/[^/]+$")
	one := named.MatchString(path)
	path = named.ReplaceAllString(path, "$1/{name}")
	return request{method: method, path: path, query: query, name: one}, true
}

// kind is how the column "on" calls the request.
func (r request) kind() string {
	watches := strings.HasPrefix(r.path, "/watch/") || strings.Contains("&"+r.query, "&watch=")
	switch {
	case r.method == "GET" && watches:
		return "watch"
	case r.method == "GET" && r.name:
		return "get"
	case r.method == "GET":
		return "list"
	case r.method == "DELETE" && r.name:
		return "delete"
	case r.method == "DELETE":
		return "delete collection"
	}
	return map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch"}[r.method]
}

// has reports whether the request has the parameter.
func (r request) has(parameter string) bool {
	return strings.Contains("&"+r.query, "&"+parameter+"=") || strings.HasSuffix("&"+r.query, "&"+parameter)
}

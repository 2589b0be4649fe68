// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

const groupPath = "/apis/" + groupName

// openAPIOfGroup keeps of a document, of version 2 or 3, the paths of the group
// and the definitions that these need. The title and version of the server that
// wrote it go.
func openAPIOfGroup(tree any) any {
	document, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	result := maps.Clone(document)
	delete(result, "info")
	paths, _ := document["paths"].(map[string]any)
	kept := map[string]any{}
	for path, content := range paths {
		if strings.HasPrefix(path, groupPath+"/") {
			kept[path] = content
		}
	}
	result["paths"] = kept
	for _, section := range []string{"definitions", "parameters", "responses"} {
		if definitions, ok := document[section].(map[string]any); ok {
			result[section] = reachable(section, kept, definitions)
		}
	}
	dropOtherGroups(result)
	return result
}

// dropOtherGroups shortens the lists of groups that a type is used in: they show
// all the groups of the server.
func dropOtherGroups(tree any) {
	switch t := tree.(type) {
	case []any:
		for _, value := range t {
			dropOtherGroups(value)
		}
	case map[string]any:
		for key, value := range t {
			if kinds, ok := value.([]any); ok && key == "x-kubernetes-group-version-kind" {
				t[key] = slices.DeleteFunc(slices.Clone(kinds), isOfOtherGroup)
				continue
			}
			dropOtherGroups(value)
		}
	}
}

func isOfOtherGroup(kind any) bool {
	group, _ := lookUp(kind, "group")
	return group != "" && group != groupName
}

// reachable are the definitions that a part of a document refers to, directly or
// through others.
func reachable(section string, from any, definitions map[string]any) map[string]any {
	found := map[string]any{}
	open := references(from)
	for len(open) > 0 {
		name := strings.TrimPrefix(open[0], "#/"+section+"/")
		open = open[1:]
		definition, exists := definitions[name]
		if _, done := found[name]; done || !exists {
			continue
		}
		found[name] = definition
		open = append(open, references(definition)...)
	}
	return found
}

func references(tree any) []string {
	var found []string
	switch t := tree.(type) {
	case []any:
		for _, value := range t {
			found = append(found, references(value)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(t)) {
			if reference, ok := t[key].(string); ok && key == "$ref" {
				found = append(found, reference)
				continue
			}
			found = append(found, references(t[key])...)
		}
	}
	return found
}

// openAPIRoot keeps of the list of documents those of the group, without the
// hash of their content.
func openAPIRoot(tree any) any {
	if text, ok := tree.(string); ok {
		// It is JSON, announced as text.
		var parsed any
		if json.Unmarshal([]byte(text), &parsed) != nil {
			return tree
		}
		tree = parsed
	}
	document, _ := tree.(map[string]any)
	paths, ok := document["paths"].(map[string]any)
	if !ok {
		return tree
	}
	kept := map[string]any{}
	for path, content := range paths {
		if strings.HasPrefix("/"+path, groupPath) {
			url, _ := lookUp(content, "serverRelativeURL")
			before, _, _ := strings.Cut(url, "?hash=")
			kept[path] = before
		}
	}
	return kept
}

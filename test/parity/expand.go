// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// expandSteps replaces every step that has Each by one step for each combination
// of its values. In those, ${#} is the number of the combination.
func expandSteps(steps []step) ([]step, error) {
	var expanded []step
	for _, s := range steps {
		if len(s.Each) == 0 {
			expanded = append(expanded, s)
			continue
		}
		for i, values := range combinations(s.Each) {
			values["#"] = strconv.Itoa(i + 1)
			one, err := replaceAll(s, values)
			if err != nil {
				return nil, err
			}
			one.Each = nil
			if one.Name == "" {
				one.Name = describeCombination(values)
			}
			expanded = append(expanded, one)
		}
	}
	return expanded, nil
}

// combinations are in a fixed order: the first name, by the alphabet, changes
// slowest.
func combinations(each map[string][]string) []map[string]string {
	result := []map[string]string{{}}
	for _, name := range slices.Sorted(maps.Keys(each)) {
		var next []map[string]string
		for _, done := range result {
			for _, value := range each[name] {
				one := maps.Clone(done)
				one[name] = value
				next = append(next, one)
			}
		}
		result = next
	}
	return result
}

func describeCombination(values map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "#" {
			parts = append(parts, name+"="+shorten(values[name]))
		}
	}
	return strings.Join(parts, " ")
}

// shorten keeps lines for people readable.
func shorten(text string) string {
	const limit = 60
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}

// replaceAll sets variables in every string of a step, keys included. What is
// not in values is left for later.
func replaceAll(s step, values map[string]string) (step, error) {
	encoded, err := json.Marshal(s)
	if err != nil {
		return step{}, fmt.Errorf("repeating a step: %w", err)
	}
	var tree any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return step{}, fmt.Errorf("repeating a step: %w", err)
	}
	tree = mapStrings(tree, func(text string) string {
		for name, value := range values {
			text = strings.ReplaceAll(text, "${"+name+"}", value)
		}
		return text
	})
	if encoded, err = json.Marshal(tree); err != nil {
		return step{}, fmt.Errorf("repeating a step: %w", err)
	}
	var result step
	if err := json.Unmarshal(encoded, &result); err != nil {
		return step{}, fmt.Errorf("repeating a step: %w", err)
	}
	return result, nil
}

// mapStrings changes every string of a JSON value.
func mapStrings(tree any, change func(string) string) any {
	switch t := tree.(type) {
	case string:
		return change(t)
	case []any:
		result := make([]any, len(t))
		for i := range t {
			result[i] = mapStrings(t[i], change)
		}
		return result
	case map[string]any:
		result := make(map[string]any, len(t))
		for key, value := range t {
			result[change(key)] = mapStrings(value, change)
		}
		return result
	}
	return tree
}

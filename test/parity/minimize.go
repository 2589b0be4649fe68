// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// minimize makes a case smaller as long as it fails: first it leaves out steps,
// then parts of them.
func minimize(c testCase, fails func(*testCase) bool) testCase {
	for smaller := true; smaller; {
		smaller = false
		for _, candidate := range reductions(c) {
			if candidate.check() == nil && fails(&candidate) {
				c, smaller = candidate, true
				break
			}
		}
	}
	return c
}

// reductions are the cases that are one bit smaller, those that lose most first.
func reductions(c testCase) []testCase {
	var all []testCase
	for i := range slices.Backward(c.Steps) {
		one := c
		one.Steps = slices.Delete(slices.Clone(c.Steps), i, i+1)
		all = append(all, one)
	}
	for i := range c.Steps {
		for _, smaller := range reduceStep(c.Steps[i]) {
			one := c
			one.Steps = slices.Clone(c.Steps)
			one.Steps[i] = smaller
			all = append(all, one)
		}
	}
	return all
}

func reduceStep(s step) []step {
	var all []step
	if s.Headers != nil {
		one := s
		one.Headers = nil
		all = append(all, one)
	}
	if path, query, ok := strings.Cut(s.Do, "?"); ok {
		parameters := strings.Split(query, "&")
		for i := range parameters {
			one := s
			one.Do = strings.TrimSuffix(path+"?"+strings.Join(slices.Delete(slices.Clone(parameters), i, i+1), "&"), "?")
			all = append(all, one)
		}
	}
	if s.Body == nil {
		return all
	}
	for _, smaller := range reduceBody(*s.Body) {
		one := s
		one.Body = &smaller
		all = append(all, one)
	}
	return all
}

func reduceBody(b body) []body {
	var all []body
	if b.Encode != "" && b.Type == "" {
		one := b
		one.Encode = ""
		all = append(all, one)
	}
	if b.Event != nil {
		for _, smaller := range reduceTree(b.Event) {
			one := b
			one.Event, _ = smaller.(map[string]any)
			all = append(all, one)
		}
		return all
	}
	for _, smaller := range reduceTree(b.JSON) {
		one := b
		one.JSON = smaller
		all = append(all, one)
	}
	return all
}

// reduceTree leaves out one key or element, at any depth.
func reduceTree(tree any) []any {
	var all []any
	switch t := tree.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(t)) {
			without := maps.Clone(t)
			delete(without, key)
			all = append(all, without)
			for _, inner := range reduceTree(t[key]) {
				with := maps.Clone(t)
				with[key] = inner
				all = append(all, with)
			}
		}
	case []any:
		for i := range t {
			all = append(all, slices.Delete(slices.Clone(t), i, i+1))
			for _, inner := range reduceTree(t[i]) {
				with := slices.Clone(t)
				with[i] = inner
				all = append(all, with)
			}
		}
	}
	return all
}

// asData writes a case as it is written in testdata.
func asData(c *testCase) (string, error) {
	encoded, err := json.Marshal(suite{Cases: []testCase{*c}})
	if err != nil {
		return "", fmt.Errorf("writing a case: %w", err)
	}
	var tree any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return "", fmt.Errorf("writing a case: %w", err)
	}
	dropUnset(tree)
	written, err := yaml.Marshal(tree)
	if err != nil {
		return "", fmt.Errorf("writing a case: %w", err)
	}
	return string(written), nil
}

// dropUnset removes the one key that is written even if it is not set. A null
// anywhere else says something.
func dropUnset(tree any) {
	document, _ := tree.(map[string]any)
	cases, _ := document["cases"].([]any)
	for _, one := range cases {
		c, _ := one.(map[string]any)
		steps, _ := c["steps"].([]any)
		for _, s := range steps {
			fields, _ := s.(map[string]any)
			if content, ok := fields["body"].(map[string]any); ok && content["event"] == nil {
				delete(content, "event")
			}
		}
	}
}

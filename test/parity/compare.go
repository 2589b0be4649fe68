// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// difference is one place where two answers differ.
type difference struct {
	caseName string
	step     int // from 1
	title    string
	place    string
	builtIn  string
	ours     string
}

// String is how people read it.
func (d *difference) String() string {
	return fmt.Sprintf("%s, step %d (%s): %s\n\tbuilt-in: %s\n\tours:     %s",
		d.caseName, d.step, d.title, d.place, readable(d.builtIn), readable(d.ours))
}

// readable keeps what is printed of an answer to a length that people read.
func readable(text string) string {
	const limit = 1500
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}

// absent is what the one server has where only the other has something.
const absent = "<nothing>"

// compareTrees returns the places where two JSON values differ.
func compareTrees(place string, builtIn, ours any) []difference {
	if reflect.DeepEqual(builtIn, ours) {
		return nil
	}
	switch b := builtIn.(type) {
	case map[string]any:
		if o, ok := ours.(map[string]any); ok {
			return compareObjects(place, b, o)
		}
	case []any:
		if o, ok := ours.([]any); ok && len(b) == len(o) {
			return compareLists(place, b, o)
		}
	}
	return []difference{{place: place, builtIn: show(builtIn), ours: show(ours)}}
}

func compareObjects(place string, builtIn, ours map[string]any) []difference {
	keys := slices.Collect(maps.Keys(builtIn))
	for key := range ours {
		if _, both := builtIn[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var all []difference
	for _, key := range keys {
		inner := strings.TrimPrefix(place+"."+key, ".")
		b, inBuiltIn := builtIn[key]
		o, inOurs := ours[key]
		switch {
		case !inBuiltIn:
			all = append(all, difference{place: inner, builtIn: absent, ours: show(o)})
		case !inOurs:
			all = append(all, difference{place: inner, builtIn: show(b), ours: absent})
		default:
			all = append(all, compareTrees(inner, b, o)...)
		}
	}
	return all
}

func compareLists(place string, builtIn, ours []any) []difference {
	var all []difference
	for i := range builtIn {
		all = append(all, compareTrees(fmt.Sprintf("%s.%d", place, i), builtIn[i], ours[i])...)
	}
	return all
}

func show(tree any) string {
	encoded, err := json.Marshal(tree)
	if err != nil {
		return fmt.Sprint(tree)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(encoded))
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

const generated = `package openapi

import (
	corev1 "example.com/core/v1"
	eventsv1 "example.com/events/v1"
	quantity "example.com/quantity"
	common "example.com/common"
)

func GetOpenAPIDefinitions(ref common.Ref) map[string]common.Definition {
	return map[string]common.Definition{
		corev1.Pod{}.OpenAPIModelName():     schema_Pod(ref),
		corev1.Ref{}.OpenAPIModelName():     schema_Ref(ref),
		corev1.RefPart{}.OpenAPIModelName(): schema_RefPart(ref),
		eventsv1.Event{}.OpenAPIModelName(): schema_Event(ref),
	}
}

func schema_Pod(ref common.Ref) common.Definition {
	return common.Definition{A: ref(corev1.Pod{}.OpenAPIModelName()), B: quantity.Quantity{}}
}

func schema_Ref(ref common.Ref) common.Definition {
	return common.Definition{Dependencies: []string{corev1.RefPart{}.OpenAPIModelName()}}
}

func schema_RefPart(ref common.Ref) common.Definition {
	// a comment that stays
	return common.Definition{}
}

func schema_Event(ref common.Ref) common.Definition {
	return common.Definition{A: ref(corev1.Ref{}.OpenAPIModelName())}
}
`

func TestPrune(t *testing.T) {
	t.Parallel()
	pruned, err := prune([]byte(generated), "example.com/core/v1")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"schema_Event(ref)":         true,
		"schema_Ref(ref)":           true,
		"schema_RefPart(ref)":       true,
		"// a comment that stays":   true,
		"func schema_Event(":        true,
		"func schema_RefPart(":      true,
		`corev1 "example.com/core/`: true,
		"Pod":                       false,
		"example.com/quantity":      false,
	} {
		if got := strings.Contains(string(pruned), text); got != want {
			t.Errorf("contains %q: got %v, want %v in:\n%s", text, got, want, pruned)
		}
	}
}

func TestPruneRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ source, optional, want string }{
		"not Go":                     {"nonsense", "example.com/core/v1", "parsing"},
		"a package not imported":     {generated, "example.com/other", "not imported"},
		"a file of another tool":     {strings.ReplaceAll(generated, "GetOpenAPIDefinitions", "Get"), "example.com/core/v1", "GetOpenAPIDefinitions"},
		"a key of an unknown form":   {strings.Replace(generated, "corev1.Pod{}.OpenAPIModelName():", `"pod":`, 1), "example.com/core/v1", "unknown form"},
		"a value of an unknown form": {strings.Replace(generated, "schema_Pod(ref),", "nil,", 1), "example.com/core/v1", "unknown form"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := prune([]byte(test.source), test.optional)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that contains %q", err, test.want)
			}
		})
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestLoadCases_RefusesWhatTestsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"misspelt key":        {"cases: [{name: a, steps: [{doo: GET /}]}]", "unknown field"},
		"no name":             {"cases: [{steps: [{do: GET /}]}]", "needs a name"},
		"no steps":            {"cases: [{name: a}]", "has no steps"},
		"nothing to do":       {"cases: [{name: a, steps: [{name: b}]}]", "exactly one of do, read and compact"},
		"two things to do":    {"cases: [{name: a, steps: [{do: GET /, compact: store}]}]", "exactly one of do, read and compact"},
		"no path":             {"cases: [{name: a, steps: [{do: GET}]}]", "a method and a path"},
		"unknown user":        {"cases: [{name: a, steps: [{do: GET /, as: root}]}]", "no user"},
		"await in a test":     {"cases: [{name: a, steps: [{do: GET /, await: 200}]}]", "for setup only"},
		"empty body":          {"cases: [{name: a, steps: [{do: POST /, body: {}}]}]", "exactly one of event"},
		"two bodies":          {"cases: [{name: a, steps: [{do: POST /, body: {text: a, hex: '00'}}]}]", "exactly one of event"},
		"unknown encoding":    {"cases: [{name: a, steps: [{do: POST /, body: {event: {}, encode: xml}}]}]", "cannot be written"},
		"unknown compaction":  {"cases: [{name: a, steps: [{compact: x}]}]", "compact is"},
		"the same name twice": {"cases: [{name: a, steps: [{do: GET /}]}, {name: a, steps: [{do: GET /}]}]", "there is a case a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadCases(fstest.MapFS{"theme.yaml": {Data: []byte(test.data)}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestExpandSteps(t *testing.T) {
	t.Parallel()
	steps := []step{
		{Do: "GET /first"},
		{
			Do:   "${method} /${#}",
			Each: map[string][]string{"method": {"PUT", "GET"}, "a": {"x", "y"}},
			Body: &body{JSON: map[string]any{"a${a}": []any{"${a}", "${other}", 1.0}}},
		},
	}
	expanded, err := expandSteps(steps)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range expanded {
		got = append(got, s.title())
	}
	want := []string{"GET /first", "a=x method=PUT: PUT /1", "a=x method=GET: GET /2", "a=y method=PUT: PUT /3", "a=y method=GET: GET /4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"ay": []any{"y", "${other}", 1.0}}, expanded[4].Body.JSON); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	vars := variables{"rv": "41", "ns": "here"}
	for text, want := range map[string]string{
		"plain":                           "plain",
		"/${ns}/${rv}":                    "/here/41",
		"${rv+1} ${rv-1}":                 "42 40",
		"${repeat ab 3}":                  "ababab",
		"${repeat é 2}${ns}":              "ééhere",
		`${base64 {"rv":$(rv),"x":"{}"}}`: "eyJydiI6NDEsIngiOiJ7fSJ9",
		`[{"a":1},${rv}]`:                 `[{"a":1},41]`,
	} {
		if got, err := vars.expand(text); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"${nothing}", "${nothing+1}", "${ns+1}", "${repeat x}", "${repeat x y}"} {
		if got, err := vars.expand(text); err == nil {
			t.Errorf("%s: got %q, want an error", text, got)
		}
	}
}

func TestBody_Encode(t *testing.T) {
	t.Parallel()
	vars := variables{"ns": "here"}
	content, contentType, err := (&body{Event: map[string]any{
		"note": nil, "type": "Odd", "metadata": map[string]any{"labels": map[string]any{"a": "b"}},
	}}).encode(vars)
	if err != nil || contentType != "application/json" {
		t.Fatalf("%s, %v", contentType, err)
	}
	_, tree, err := readJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"type": "Odd", "metadata.name": "e", "metadata.labels.a": "b", "regarding.namespace": "here", "note": "",
	} {
		if got, _ := lookUp(tree, place); got != want {
			t.Errorf("%s is %q, want %q", place, got, want)
		}
	}
}

// What is sent as protobuf and read again is what is sent as JSON.
func TestBody_ProtobufRoundTrip(t *testing.T) {
	t.Parallel()
	b := &body{Event: map[string]any{"series": map[string]any{"count": 3}}, Encode: encodeProtobuf}
	content, contentType, err := b.encode(variables{"ns": "here"})
	if err != nil || contentType != protobufType {
		t.Fatalf("%s, %v", contentType, err)
	}
	style, tree, err := readBody(contentType, content)
	if err != nil || style != "protobuf" {
		t.Fatalf("%s, %v", style, err)
	}
	if got, _ := lookUp(tree, "regarding.namespace"); got != "here" {
		t.Errorf("regarding.namespace is %q", got)
	}
	style, _, err = readBody(contentType, append(content, 0xff))
	if err != nil || !strings.HasPrefix(style, "broken protobuf") {
		t.Errorf("a broken body is called %q, %v", style, err)
	}
}

func TestStyleOfJSON(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"{\"a\":1}\n":        "compact JSON with a newline at the end",
		"{\"a\":1}":          "compact JSON without a newline at the end",
		"{\n  \"a\": 1\n}":   "indented JSON without a newline at the end",
		"{\n    \"a\": 1\n}": "JSON in another style without a newline at the end",
		"{":                  "JSON",
	} {
		if got := styleOfJSON([]byte(raw)); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}

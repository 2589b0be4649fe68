// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFuzzer_SameSeedSameCase(t *testing.T) {
	t.Parallel()
	one, again, other := newFuzzer(1, 2).testCase("c"), newFuzzer(1, 2).testCase("c"), newFuzzer(1, 3).testCase("c")
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("the same seed makes two cases:\n%s", diff)
	}
	if cmp.Equal(one, other) {
		t.Error("two numbers make the same case")
	}
}

// Cases of the fuzzer can be sent, and copied to testdata as printed.
func TestFuzzer_MakesGoodData(t *testing.T) {
	t.Parallel()
	for number := range uint64(300) {
		c := newFuzzer(5, number).testCase("c")
		written, err := asData(&c)
		if err != nil {
			t.Fatal(err)
		}
		read, err := loadCases(fstest.MapFS{"made-up.yaml": {Data: []byte(written)}})
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		again, err := asData(&read["made-up"][0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, again); diff != "" {
			t.Fatalf("another case is read than was written:\n%s", diff)
		}
		vars := newRunner(nil, "ns").vars
		for _, name := range []string{"rv", "start", "objectrv", "uid", "token"} {
			vars[name] = "1"
		}
		for i := range c.Steps {
			if _, err := (&target{}).newRequest(t.Context(), &c.Steps[i], vars); err != nil {
				t.Fatalf("%v\n%s", err, written)
			}
		}
	}
}

func TestMinimize(t *testing.T) {
	t.Parallel()
	c := testCase{Name: "c", Steps: []step{
		{Do: "GET /a?x=1&y=2", Headers: map[string]string{"Accept": "x"}},
		{Do: "POST /b", Body: &body{Event: map[string]any{"note": "n", "metadata": map[string]any{"name": "e", "labels": map[string]any{"a": "b"}}}, Encode: encodeYAML}},
		{Do: "DELETE /c"},
	}}
	smallest := minimize(c, func(c *testCase) bool {
		written, err := asData(c)
		return err == nil && strings.Contains(written, "y=2") && strings.Contains(written, "labels")
	})
	want := testCase{Name: "c", Steps: []step{
		{Do: "GET /a?y=2"},
		{Do: "POST /b", Body: &body{Event: map[string]any{"metadata": map[string]any{"labels": map[string]any{}}}}},
	}}
	if diff := cmp.Diff(want, smallest); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

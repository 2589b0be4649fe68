// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckImports(t *testing.T) {
	t.Parallel()
	engine := rule{dir: "pkg/engine", outside: []string{"example.com/pebble"}, never: []string{"k8s.io"}, reason: "engine's reason"}
	storage := rule{dir: "pkg/storage", own: []string{"pkg/engine"}, never: []string{module + "/pkg/apis"}, reason: "storage's reason"}
	inner := rule{dir: "pkg/storage/inner", reason: "inner's reason"}
	assembly := rule{dir: "pkg/apiserver", outside: []string{anything}, never: []string{"example.com/cobra"}, reason: "assembly's reason"}
	tests := map[string]struct {
		pkg  sourcePackage
		want []string
	}{
		"the standard library": {
			pkg: sourcePackage{dir: "pkg/engine", imports: []string{"fmt", "net/http"}},
		},
		"a module that is allowed, and a package of it": {
			pkg: sourcePackage{dir: "pkg/engine", imports: []string{"example.com/pebble", "example.com/pebble/vfs"}},
		},
		"a module that is not": {
			pkg:  sourcePackage{dir: "pkg/engine", imports: []string{"example.com/pebbles"}},
			want: []string{"pkg/engine imports example.com/pebbles: engine's reason"},
		},
		"own package below": {
			pkg: sourcePackage{dir: "pkg/engine/record", imports: []string{module + "/pkg/engine"}},
		},
		"own package that is allowed": {
			pkg: sourcePackage{dir: "pkg/storage", imports: []string{module + "/pkg/engine"}},
		},
		"own package that is not": {
			pkg:  sourcePackage{dir: "pkg/engine", imports: []string{module + "/pkg/storage"}},
			want: []string{"pkg/engine imports " + module + "/pkg/storage: engine's reason"},
		},
		"own package with the name of an allowed one at its start": {
			pkg:  sourcePackage{dir: "pkg/storage", imports: []string{module + "/pkg/engines"}},
			want: []string{"pkg/storage imports " + module + "/pkg/engines: storage's reason"},
		},
		"the longest rule counts": {
			pkg:  sourcePackage{dir: "pkg/storage/inner", imports: []string{module + "/pkg/engine"}},
			want: []string{"pkg/storage/inner imports " + module + "/pkg/engine: inner's reason"},
		},
		"anything but what is forbidden": {
			pkg:  sourcePackage{dir: "pkg/apiserver", imports: []string{"example.com/any", "example.com/cobra"}},
			want: []string{"pkg/apiserver imports example.com/cobra: assembly's reason"},
		},
		"a test may import other modules and test helpers": {
			pkg: sourcePackage{dir: "pkg/storage", testImports: []string{"example.com/any", module + "/test/cluster", "testing"}},
		},
		"a test may not import what is forbidden": {
			pkg: sourcePackage{dir: "pkg/engine", testImports: []string{"k8s.io/api/core/v1", module + "/pkg/storage"}},
			want: []string{
				"a test of pkg/engine imports k8s.io/api/core/v1: engine's reason",
				"a test of pkg/engine imports " + module + "/pkg/storage: engine's reason",
			},
		},
		"a package without a rule, such as a misspelt one": {
			pkg:  sourcePackage{dir: "pkg/enigne"},
			want: []string{"pkg/enigne has no rule: add one to test/architecture/rules.go, or correct the name"},
		},
		"a directory that is not covered": {
			pkg: sourcePackage{dir: "hack/tool", imports: []string{"example.com/any"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := checkImports([]rule{storage, engine, inner, assembly}, []string{"pkg"}, []sourcePackage{test.pkg})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRules keeps the table from saying less than it means.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rules() {
		if seen[r.dir] {
			t.Errorf("two rules for %s", r.dir)
		}
		seen[r.dir] = true
		if !withinAny(r.dir, coveredDirectories()) {
			t.Errorf("the rule for %s is never used: it is not below %v", r.dir, coveredDirectories())
		}
		if r.reason == "" {
			t.Errorf("the rule for %s has no reason", r.dir)
		}
	}
	for _, r := range rules() {
		for _, dir := range r.own {
			if _, ok := ruleFor(rules(), dir); !ok {
				t.Errorf("the rule for %s allows %s, which has no rule: is it misspelt?", r.dir, dir)
			}
		}
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

func TestTree(t *testing.T) {
	t.Parallel()
	packages, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	// Else a wrong root would pass every check.
	if _, ok := find(packages, "test/architecture"); !ok {
		t.Fatalf("this package is not among the %d found", len(packages))
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, violations := range map[string][]string{
		"imports":      checkImports(rules(), coveredDirectories(), packages),
		"names":        checkNames(packages),
		"docs":         checkDocs(packages),
		"requirements": checkRequirements(string(goMod)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, violation := range violations {
				t.Error(violation)
			}
		})
	}
}

func find(packages []sourcePackage, dir string) (sourcePackage, bool) {
	for _, pkg := range packages {
		if pkg.dir == dir {
			return pkg, true
		}
	}
	return sourcePackage{}, false
}

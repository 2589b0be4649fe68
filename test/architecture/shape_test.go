// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import "testing"

func TestCheckNames(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]int{
		"pkg/engine":     0,
		"pkg/utility":    0,
		"pkg/util":       1,
		"test/helpers":   1,
		"pkg/apis/utils": 1,
	} {
		if got := checkNames([]sourcePackage{{dir: dir}}); len(got) != want {
			t.Errorf("%s: got %q, want %d violations", dir, got, want)
		}
	}
}

func TestCheckDocs(t *testing.T) {
	t.Parallel()
	got := checkDocs([]sourcePackage{{dir: "pkg/a", hasDoc: true}, {dir: "pkg/b"}})
	if len(got) != 1 {
		t.Errorf("got %q, want one violation, for pkg/b", got)
	}
}

func TestCheckRequirements(t *testing.T) {
	t.Parallel()
	for goMod, want := range map[string]int{
		"require k8s.io/api v0.37.2\n":                                  0,
		"require (\n\tk8s.io/kubernetes v1.37.2\n)\n":                   1,
		"require (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n":       1,
		"// not k8s.io/kubernetes\nrequire k8s.io/apiserver v0.37.2\n":  0,
		"replace k8s.io/kubernetes => k8s.io/kubernetes v1.37.2-rc.0\n": 2,
	} {
		if got := checkRequirements(goMod); len(got) != want {
			t.Errorf("%q: got %q, want %d violations", goMod, got, want)
		}
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkNames returns one line for each package whose name says nothing about
// what is in it.
func checkNames(packages []sourcePackage) []string {
	empty := []string{"base", "common", "helper", "helpers", "misc", "shared", "util", "utils"}
	var violations []string
	for _, pkg := range packages {
		if name := path.Base(pkg.dir); slices.Contains(empty, name) {
			violations = append(violations, fmt.Sprintf("%s: the name %q invites anything; name the package for what it does", pkg.dir, name))
		}
	}
	return violations
}

// checkDocs returns one line for each package without a package comment.
func checkDocs(packages []sourcePackage) []string {
	var violations []string
	for _, pkg := range packages {
		if !pkg.hasDoc {
			violations = append(violations, fmt.Sprintf("%s: needs a doc.go whose package comment says what it is, what it promises and what it must not know", pkg.dir))
		}
	}
	return violations
}

// checkRequirements returns one line for each module that must never be linked
// into the server. goMod is the text of go.mod, which names indirect ones too.
func checkRequirements(goMod string) []string {
	forbidden := map[string]string{
		"k8s.io/kubernetes": "it is no library: it ties the server to one release and brings all of Kubernetes; test tools that need it have a module of their own",
	}
	var violations []string
	for line := range strings.Lines(goMod) {
		code, _, _ := strings.Cut(line, "//")
		for word := range strings.FieldsSeq(code) {
			if reason, ok := forbidden[word]; ok {
				violations = append(violations, fmt.Sprintf("go.mod has %s: %s", word, reason))
			}
		}
	}
	return violations
}

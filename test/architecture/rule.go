// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import "fmt"

const module = "github.com/events-apiserver/events-apiserver"

// rule is what the packages below one directory may import. The standard
// library always may be.
type rule struct {
	// dir is the package's directory, with all below it that have no rule of
	// their own.
	dir string
	// own lists directories of this module that may be imported. A package may
	// always import what lies below its own rule's directory.
	own []string
	// outside lists import paths of other modules that may be imported. The
	// tests of a package may import others too.
	outside []string
	// never lists import paths that are forbidden even though own or outside
	// would allow them, and in tests as well.
	never []string
	// reason is printed with each violation.
	reason string
}

// anything in outside allows all other modules.
const anything = "*"

// checkImports returns one line for each import that breaks its rule, and one
// for each package below the covered directories that has no rule.
func checkImports(rules []rule, covered []string, packages []sourcePackage) []string {
	var violations []string
	for _, pkg := range packages {
		if !withinAny(pkg.dir, covered) {
			continue
		}
		r, ok := ruleFor(rules, pkg.dir)
		if !ok {
			violations = append(violations, fmt.Sprintf("%s has no rule: add one to test/architecture/rules.go, or correct the name", pkg.dir))
			continue
		}
		for _, imported := range pkg.imports {
			if !r.allows(imported) {
				violations = append(violations, fmt.Sprintf("%s imports %s: %s", pkg.dir, imported, r.reason))
			}
		}
		for _, imported := range pkg.testImports {
			if !r.allowsInTest(imported) {
				violations = append(violations, fmt.Sprintf("a test of %s imports %s: %s", pkg.dir, imported, r.reason))
			}
		}
	}
	return violations
}

// ruleFor returns the rule with the longest directory that covers dir.
func ruleFor(rules []rule, dir string) (rule, bool) {
	var best rule
	found := false
	for _, r := range rules {
		if within(dir, r.dir) && (!found || len(r.dir) > len(best.dir)) {
			best, found = r, true
		}
	}
	return best, found
}

func (r rule) allows(imported string) bool {
	switch {
	case withinAny(imported, r.never):
		return false
	case within(imported, module):
		return r.allowsOwn(imported)
	case isStandard(imported):
		return true
	default:
		return withinAny(imported, r.outside) || withinAny(anything, r.outside)
	}
}

// allowsInTest lets a test use any other module, and the helpers below test/.
func (r rule) allowsInTest(imported string) bool {
	switch {
	case withinAny(imported, r.never):
		return false
	case within(imported, module):
		return r.allowsOwn(imported) || within(imported, module+"/test")
	default:
		return true
	}
}

func (r rule) allowsOwn(imported string) bool {
	if within(imported, module+"/"+r.dir) {
		return true
	}
	for _, dir := range r.own {
		if within(imported, module+"/"+dir) {
			return true
		}
	}
	return false
}

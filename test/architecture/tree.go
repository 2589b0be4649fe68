// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sourcePackage is what the rules need to know of one directory with Go files.
type sourcePackage struct {
	dir         string // slash-separated, relative to the root of the module
	imports     []string
	testImports []string
	hasDoc      bool // doc.go is there and has a package comment
}

// readTree finds the packages of the module at root. Modules nested in it are
// left out: they are built apart and cannot be imported.
func readTree(root string) ([]sourcePackage, error) {
	var found []sourcePackage
	err := filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if dir != root && (isHidden(entry.Name()) || hasFile(dir, "go.mod")) {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		pkg, isPackage, err := readPackage(dir)
		if err != nil || !isPackage {
			return err
		}
		pkg.dir = filepath.ToSlash(relative)
		found = append(found, pkg)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the source tree: %w", err)
	}
	return found, nil
}

// isHidden reports whether the go command ignores the directory.
func isHidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata"
}

func hasFile(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func readPackage(dir string) (sourcePackage, bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return sourcePackage{}, false, err
	}
	var pkg sourcePackage
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return sourcePackage{}, false, err
		}
		if strings.HasSuffix(name, "_test.go") {
			pkg.testImports = append(pkg.testImports, importPaths(file)...)
		} else {
			pkg.imports = append(pkg.imports, importPaths(file)...)
		}
		if filepath.Base(name) == "doc.go" {
			pkg.hasDoc = file.Doc != nil
		}
	}
	return pkg, len(files) > 0, nil
}

func importPaths(file *ast.File) []string {
	paths := make([]string, 0, len(file.Imports))
	for _, spec := range file.Imports {
		if importPath, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, importPath)
		}
	}
	return paths
}

// within reports whether an import path or directory is prefix or lies below it.
func within(name, prefix string) bool {
	return name == prefix || strings.HasPrefix(name, prefix+"/")
}

func withinAny(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if within(name, prefix) {
			return true
		}
	}
	return false
}

// isStandard reports whether the package is of the standard library: its path has no host name.
func isStandard(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(host, ".")
}

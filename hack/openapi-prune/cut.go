// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"slices"
)

// cutLines returns source without the lines of the nodes. It removes text instead of
// printing the tree, so that comments stay in place.
func cutLines(source []byte, fset *token.FileSet, nodes []ast.Node) ([]byte, error) {
	slices.SortFunc(nodes, func(a, b ast.Node) int { return cmp.Compare(a.Pos(), b.Pos()) })
	var left bytes.Buffer
	next := 0
	for _, n := range nodes {
		start, end := fset.Position(n.Pos()).Offset, fset.Position(n.End()).Offset
		start = bytes.LastIndexByte(source[:start], '\n') + 1
		left.Write(source[next:start])
		next = len(source)
		if newline := bytes.IndexByte(source[end:], '\n'); newline >= 0 {
			next = end + newline + 1
		}
	}
	left.Write(source[next:])
	formatted, err := format.Source(left.Bytes())
	if err != nil {
		return nil, fmt.Errorf("formatting the remaining source: %w", err)
	}
	return formatted, nil
}

func cutUnusedImports(source []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("parsing the remaining source: %w", err)
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := selector.X.(*ast.Ident); ok {
				used[pkg.Name] = true
			}
		}
		return true
	})
	var unused []ast.Node
	for _, spec := range file.Imports {
		if !used[nameOf(spec)] {
			unused = append(unused, spec)
		}
	}
	return cutLines(source, fset, unused)
}

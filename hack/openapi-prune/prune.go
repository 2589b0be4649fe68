// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// definition is one entry of the map that openapi-gen returns, and the function
// that the entry calls.
type definition struct {
	entry *ast.KeyValueExpr
	body  *ast.FuncDecl
}

// prune returns source without the definitions of the optional package that no
// kept definition refers to, and without the imports that this leaves unused.
func prune(source []byte, optional string) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	alias, err := importAlias(file, optional)
	if err != nil {
		return nil, err
	}
	definitions, err := findDefinitions(file)
	if err != nil {
		return nil, err
	}
	kept := reachable(definitions, alias)
	var unwanted []ast.Node
	for name, d := range definitions {
		if !kept[name] {
			unwanted = append(unwanted, d.entry, d.body)
		}
	}
	pruned, err := cutLines(source, fset, unwanted)
	if err != nil {
		return nil, err
	}
	return cutUnusedImports(pruned)
}

func importAlias(file *ast.File, importPath string) (string, error) {
	for _, spec := range file.Imports {
		if spec.Path.Value == strconv.Quote(importPath) {
			return nameOf(spec), nil
		}
	}
	return "", fmt.Errorf("%s is not imported", importPath)
}

func nameOf(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(strings.Trim(spec.Path.Value, `"`))
}

// findDefinitions maps a type, by its name in the file (corev1.Pod), to its
// definition. An entry of an unknown form is an error, because skipping it could
// remove what another definition needs.
func findDefinitions(file *ast.File) (map[string]definition, error) {
	functions := map[string]*ast.FuncDecl{}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			functions[f.Name.Name] = f
		}
	}
	all, ok := functions["GetOpenAPIDefinitions"]
	if !ok {
		return nil, errors.New("no function GetOpenAPIDefinitions: not a file of openapi-gen")
	}
	definitions := map[string]definition{}
	var err error
	ast.Inspect(all.Body, func(n ast.Node) bool {
		entry, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		name, body := typeNamed(entry.Key), functionCalled(entry.Value, functions)
		if name == "" || body == nil {
			err = fmt.Errorf("entry at byte %d of GetOpenAPIDefinitions has an unknown form", entry.Pos())
			return false
		}
		definitions[name] = definition{entry: entry, body: body}
		return false
	})
	return definitions, err
}

// typeNamed returns pkg.Type for pkg.Type{}.OpenAPIModelName(), the form in which
// the file refers to a definition. It returns "" for any other node.
func typeNamed(n ast.Node) string {
	if call, ok := n.(*ast.CallExpr); ok {
		n = call.Fun
	}
	method, ok := n.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "OpenAPIModelName" {
		return ""
	}
	literal, ok := method.X.(*ast.CompositeLit)
	if !ok {
		return ""
	}
	named, ok := literal.Type.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := named.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + named.Sel.Name
}

func functionCalled(value ast.Expr, functions map[string]*ast.FuncDecl) *ast.FuncDecl {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return nil
	}
	name, ok := call.Fun.(*ast.Ident)
	if !ok {
		return nil
	}
	return functions[name.Name]
}

// reachable starts at every definition outside the optional package and follows
// the types that their functions name.
func reachable(definitions map[string]definition, optionalAlias string) map[string]bool {
	kept := map[string]bool{}
	var keep func(name string)
	keep = func(name string) {
		d, ok := definitions[name]
		if !ok || kept[name] {
			return
		}
		kept[name] = true
		ast.Inspect(d.body, func(n ast.Node) bool {
			keep(typeNamed(n))
			return true
		})
	}
	for name := range definitions {
		if !strings.HasPrefix(name, optionalAlias+".") {
			keep(name)
		}
	}
	return kept
}

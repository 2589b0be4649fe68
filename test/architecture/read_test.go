// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"pkg/a/doc.go":         "// Package a is documented.\npackage a\n",
		"pkg/a/a.go":           "package a\n\nimport _ \"fmt\"\n",
		"pkg/a/a_test.go":      "package a\n\nimport _ \"testing\"\n",
		"pkg/b/doc.go":         "package b\n",
		"pkg/b/tagged.go":      "//go:build some_tag\n\npackage b\n\nimport _ \"example.com/x\"\n",
		"pkg/b/testdata/t.go":  "package ignored\n",
		"_output/o.go":         "package ignored\n",
		".hidden/h.go":         "package ignored\n",
		"nested/go.mod":        "module nested\n",
		"nested/n.go":          "package ignored\n",
		"nested/deeper/n.go":   "package ignored\n",
		"docs/no-go-files.txt": "",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []sourcePackage{
		{dir: "pkg/a", imports: []string{"fmt"}, testImports: []string{"testing"}, hasDoc: true},
		{dir: "pkg/b", imports: []string{"example.com/x"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sourcePackage{})); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestReadTreeOfBrokenSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "broken.go"), []byte("no Go"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTree(dir); err == nil {
		t.Error("got no error for a file that does not parse")
	}
}

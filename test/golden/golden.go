// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare fails the test unless the file has exactly this text. With update it
// writes the file instead.
func Compare(tb testing.TB, file, got string, update bool) {
	tb.Helper()
	if update {
		write(tb, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		tb.Fatalf("%v; `make update` writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("not what %s has; if that is meant, `make update` writes it (-want +got):\n%s", file, diff)
	}
}

func write(tb testing.TB, file, content string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		tb.Fatal(err)
	}
}

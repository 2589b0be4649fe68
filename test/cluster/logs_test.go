// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", logTailBytes)
	for name, test := range map[string]struct{ log, want string }{
		"empty":            {"", ""},
		"fewer than asked": {"a\n", "a"},
		"as many":          {"a\nb\n", "a\nb"},
		"more":             {"a\nb\nc\n", "b\nc"},
		"no last newline":  {"a\nb\nc", "b\nc"},
		"very long":        {"a\n" + long + "\nc\n", long[:logTailBytes-len("\nc\n")] + "\nc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(test.log), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := lastLines(path, 2)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

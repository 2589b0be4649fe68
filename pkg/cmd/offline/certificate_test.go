// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "certs")
	for _, want := range []string{"was issued", "is still good"} {
		out, err := execute(t, "certificate", "--dir", dir, "--host", "a.example")
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	}
	if _, err := execute(t, "certificate"); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("without --dir: got %v", err)
	}
}

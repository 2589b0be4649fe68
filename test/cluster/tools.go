// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// FindTools asks the checkout where the programs of its pinned versions are. It
// does not build them.
func FindTools(ctx context.Context, repoDir string) (string, error) {
	script := filepath.Join(repoDir, "hack", "cluster", "build.sh")
	output, err := exec.CommandContext(ctx, script, "--print-dir").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s where the tools are: %w", script, err)
	}
	return strings.TrimSpace(string(output)), nil
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"context"
	"fmt"
	"os/exec"
)

// compactEmbedded returns what removes the history of a running server's embedded
// store up to now, in the way of an operator.
func compactEmbedded(program, dataDir string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, program, "compact", "--data-dir="+dataDir).CombinedOutput()
		if err != nil {
			return fmt.Errorf("compacting %s: %w: %s", dataDir, err, out)
		}
		return nil
	}
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Kubectl prepares a kubectl of the cluster's own version that acts as the
// administrator; a later --kubeconfig in args makes it act as another user.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.tool("kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.AdminKubeconfig())
	return cmd
}

// fieldManager owns what is applied to the local cluster.
const fieldManager = "events-apiserver-local"

// apply applies a kustomization. Conflicts are decided for us: the stock
// APIService belongs to kube-apiserver until we take it over.
func (c *Cluster) apply(ctx context.Context, dir string) error {
	cmd := c.Kubectl(ctx, "apply", "--server-side", "--force-conflicts", "--field-manager="+fieldManager, "--kustomize="+dir)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("applying %s: %w\n%s", dir, err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

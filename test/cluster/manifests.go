// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// artifacts are the manifests that a cluster operator applies too.
func (c *Cluster) artifacts() string { return filepath.Join(c.config.RepoDir, "artifacts") }

// applyAccess applies the namespace, the service account and the rights that
// events-apiserver must have before it starts.
func (c *Cluster) applyAccess(ctx context.Context) error {
	return c.apply(ctx, filepath.Join(c.artifacts(), "base", "access"))
}

// applyRegistration applies all that is left, from a copy: kustomize reads no
// file outside of its root, and the checkout must stay as it is while several
// clusters use it with ports and certificates of their own.
func (c *Cluster) applyRegistration(ctx context.Context) error {
	copied := c.layout.manifests()
	if err := os.RemoveAll(copied); err != nil {
		return fmt.Errorf("clearing the manifests of an earlier start: %w", err)
	}
	if err := os.CopyFS(copied, os.DirFS(c.artifacts())); err != nil {
		return fmt.Errorf("copying the manifests: %w", err)
	}
	overlay := filepath.Join(copied, "overlays", "local")
	ca, err := os.ReadFile(c.serverCA())
	if err != nil {
		return fmt.Errorf("reading the authority of events-apiserver's certificate: %w", err)
	}
	if err := writeFile(filepath.Join(overlay, "certs", "ca.crt"), ca); err != nil {
		return err
	}
	port := fmt.Sprintf("port=%d\n", c.config.Ports.EventsAPIServer)
	if err := writeFile(filepath.Join(overlay, "port.env"), []byte(port)); err != nil {
		return err
	}
	return c.apply(ctx, overlay)
}

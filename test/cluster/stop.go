// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Stop ends every component. Data, keys and logs stay, so that Start continues
// where the cluster was.
func (c *Cluster) Stop(ctx context.Context) error {
	unlock, err := lock(c.layout.dir)
	if err != nil {
		return err
	}
	defer unlock()
	return c.stopAll(ctx)
}

// stopAll ends those first that need the others. One that cannot be stopped is
// no reason to leave the rest.
func (c *Cluster) stopAll(ctx context.Context) error {
	c.releaseAll()
	return errors.Join(
		c.each(ctx, (*Component).Stop, EventsAPIServer, KubeScheduler, KubeControllerManager),
		c.each(ctx, (*Component).Stop, KubeAPIServer),
		c.each(ctx, (*Component).Stop, EventsEtcd, Etcd),
	)
}

// Clean deletes what the cluster made in its directory, and the directory when
// nothing else is in it. The cluster must not run.
func (c *Cluster) Clean() error {
	if c.Running() {
		return fmt.Errorf("the cluster in %s runs: stop it first", c.layout.dir)
	}
	for _, name := range c.layout.owned() {
		if err := os.RemoveAll(filepath.Join(c.layout.dir, name)); err != nil {
			return fmt.Errorf("cleaning up: %w", err)
		}
	}
	if entries, err := os.ReadDir(c.layout.dir); err != nil || len(entries) > 0 {
		return ignoreAbsent(err)
	}
	return ignoreAbsent(os.Remove(c.layout.dir))
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

func (l *local) register() *cobra.Command {
	return &cobra.Command{
		Use:     "register",
		Short:   "Make kube-apiserver send events.k8s.io/v1 to events-apiserver",
		Example: `  localcluster register`,
		Args:    cobra.NoArgs,
		RunE:    l.withCluster((*cluster.Cluster).Register),
	}
}

func (l *local) giveBack() *cobra.Command {
	return &cobra.Command{
		Use:   "give-back",
		Short: "Make kube-apiserver serve events.k8s.io/v1 itself again",
		Example: `  localcluster give-back
  localcluster register               # and take it again`,
		Args: cobra.NoArgs,
		RunE: l.withCluster((*cluster.Cluster).GiveBack),
	}
}

func (l *local) restart() *cobra.Command {
	return &cobra.Command{
		Use:   "restart COMPONENT",
		Short: "Restart one component, or start it when it does not run",
		Example: `  localcluster restart kube-apiserver
  localcluster restart events-apiserver   # after make build`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return l.withCluster(func(c *cluster.Cluster, ctx context.Context) error {
				component, err := c.Component(args[0])
				if err != nil {
					return err
				}
				return component.Restart(ctx)
			})(cmd, args)
		},
	}
}

func (l *local) withCluster(do func(*cluster.Cluster, context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, err := l.open()
		if err != nil {
			return err
		}
		if !c.Running() {
			return &cluster.NotRunningError{Dir: l.dir}
		}
		return do(c, cmd.Context())
	}
}

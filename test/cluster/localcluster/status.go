// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

func (l *local) status() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Tell which components run, and where",
		Example: `  localcluster status`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := l.open()
			if none := (*cluster.NotRunningError)(nil); errors.As(err, &none) {
				return l.say("%v: start one with make up", err)
			}
			if err != nil {
				return err
			}
			return l.printStatus(c)
		},
	}
}

func (l *local) printStatus(c *cluster.Cluster) error {
	table := tabwriter.NewWriter(l.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tSTATE\tPORT\tLOG")
	for _, component := range c.Components() {
		state := "stopped"
		if component.Running() {
			state = "running"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", component.Name(), state, component.Port(), component.LogFile())
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return l.say("\nexport KUBECONFIG=%s", l.kubeconfig())
}

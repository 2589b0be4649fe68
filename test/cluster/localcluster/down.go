// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

func (l *local) down() *cobra.Command {
	var keepData bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster and delete its data",
		Example: `  localcluster down
  localcluster down --keep-data       # the next up continues with what is stored`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := l.open()
			if none := (*cluster.NotRunningError)(nil); errors.As(err, &none) {
				return l.say("%v: nothing to stop", err)
			}
			if err != nil {
				return err
			}
			ran := c.Running()
			if err := c.Stop(cmd.Context()); err != nil {
				return err
			}
			if !keepData {
				if err := c.Clean(); err != nil {
					return err
				}
			}
			return l.say("%s", stopped(l.dir, ran, keepData))
		},
	}
	cmd.Flags().BoolVar(&keepData, "keep-data", false, "keep data, keys and logs")
	return cmd
}

func stopped(dir string, ran, keepData bool) string {
	done := "the cluster is stopped"
	if !ran {
		done = "no cluster runs in " + dir
	}
	if keepData {
		return done + "; its data is kept in " + dir
	}
	return done + "; its data is deleted"
}

func (l *local) say(format string, args ...any) error {
	_, err := fmt.Fprintf(l.out, format+"\n", args...)
	return err
}

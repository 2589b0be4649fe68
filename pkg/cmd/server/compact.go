// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
)

func newCompactCommand() *cobra.Command {
	var revision uint64
	cmd := withDataDir(&cobra.Command{
		Use:   "compact",
		Short: "Remove the history of a data directory, also of a running server's",
		Long: `Removes what only older revisions than the newest one can show: replaced and
deleted events, and the changes that led to them. A server does so by itself every
five minutes, for what is older than that, so this is seldom needed. Clients that
watch from, or list at, an older revision get 410 Expired and begin anew.

A server that uses the directory does it while it serves; otherwise this command
does. The space on the disk comes back soon after, while a server runs.`,
		Example: `  events-apiserver compact --data-dir=/var/lib/events-apiserver

  # Keep the history from a resourceVersion on
  events-apiserver compact --data-dir=/var/lib/events-apiserver --revision=1234567`,
		Args: exactArgs(0, "no arguments"),
	}, func(cmd *cobra.Command, dir string, _ []string) error {
		if cmd.Flags().Changed("revision") && revision == 0 {
			return errors.New("--revision must be above 0")
		}
		api, err := apiserver.NewAPI()
		if err != nil {
			return err
		}
		horizon, err := api.CompactDataDir(cmd.Context(), dir, revision)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the oldest readable revision is %s\n", figure(horizon))
		return nil
	})
	cmd.Flags().Uint64Var(&revision, "revision", 0, "The oldest revision to stay readable; without it the newest one.")
	return cmd
}

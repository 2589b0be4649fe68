// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
)

// withDataDir adds the flag to a command and gives its value to run, whose errors
// then name the directory.
func withDataDir(cmd *cobra.Command, run func(cmd *cobra.Command, dir string, args []string) error) *cobra.Command {
	var dir string
	cmd.Flags().StringVar(&dir, options.DataDirFlag, "", "The data directory, as --"+options.DataDirFlag+" of serve names it.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return fmt.Errorf("--%s is required: the data directory", options.DataDirFlag)
		}
		if err := run(cmd, dir, args); err != nil {
			return fmt.Errorf("--%s=%s: %w", options.DataDirFlag, dir, err)
		}
		return nil
	}
	return cmd
}

// exactArgs refuses another number of arguments in words that say what to give.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return fmt.Errorf("%s takes %s, got %d arguments; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
	}
}

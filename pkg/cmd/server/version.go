// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	baseversion "k8s.io/component-base/version"

	"github.com/events-apiserver/events-apiserver/pkg/version"
)

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print which build this is",
		Example: `  events-apiserver version
  events-apiserver version --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := version.Get()
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(info)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "events-apiserver %s (commit %s, %s, %s), behaves as Kubernetes %s\n",
				info.Version, info.Commit, info.GoVersion, info.Platform, baseversion.DefaultKubeBinaryVersion)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print it as JSON.")
	return cmd
}

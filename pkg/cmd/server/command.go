// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/offline"
)

// NewCommand returns the root command. Subcommands write what they are asked
// for to out, everything else to errOut.
func NewCommand(out, errOut io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "events-apiserver",
		Short: "Serves events.k8s.io/v1 from its own store",
		Long: `events-apiserver is an aggregated API server for Kubernetes: it serves the API
group events.k8s.io/v1 from its own store, so that a cluster keeps days of
events instead of an hour and keeps them out of its main etcd.`,
		Example: `  # Try it without a cluster
  events-apiserver serve --standalone --data-dir=data

  # Print which build this is
  events-apiserver version`,
		// main prints the error, once.
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.SetOut(out)
	root.SetErr(errOut)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newServeCommand(), newVersionCommand())
	root.AddCommand(offline.Commands()...)
	return root
}

// FormatError renders what a command returned for a person: one line for each
// thing that is wrong.
func FormatError(err error) string {
	var lines []string
	for _, one := range flatten(err) {
		lines = append(lines, "error: "+one.Error())
	}
	return strings.Join(lines, "\n")
}

// flatten takes joined errors apart, so that each problem gets its own line.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	var parts []error
	switch joined := err.(type) { //nolint:errorlint // a wrapped list keeps its wrapping
	case interface{ Unwrap() []error }:
		parts = joined.Unwrap()
	case interface{ Errors() []error }: // apimachinery's Aggregate
		parts = joined.Errors()
	default:
		return []error{err}
	}
	var flat []error
	for _, part := range parts {
		flat = append(flat, flatten(part)...)
	}
	return flat
}

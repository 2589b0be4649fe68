// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// dataDirFlag is the flag of all commands about a data directory.
const dataDirFlag = "data-dir"

// withDataDir adds the flag to a command and gives its value to run, whose errors
// then name the directory.
func withDataDir(cmd *cobra.Command, run func(cmd *cobra.Command, dir string, args []string) error) *cobra.Command {
	var dir string
	cmd.Flags().StringVar(&dir, dataDirFlag, "", "The data directory, as --"+dataDirFlag+" of serve names it.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return fmt.Errorf("--%s is required: the data directory", dataDirFlag)
		}
		if err := run(cmd, dir, args); err != nil {
			return fmt.Errorf("--%s=%s: %w", dataDirFlag, dir, err)
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

// progressEvery is how often long work says how far it is.
const progressEvery = 3 * time.Second

// progress tells a person now and then how far long work is.
type progress struct {
	out  io.Writer
	last time.Time
}

func newProgress(out io.Writer) *progress { return &progress{out: out, last: time.Now()} }

// tell is called often and writes rarely.
func (p *progress) tell(format string, args ...any) {
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// countedReader tells the progress of reading.
type countedReader struct {
	io.Reader
	n    int64
	tell func(n int64)
}

// Read reads on.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// countedWriter tells the progress of writing.
type countedWriter struct {
	io.Writer
	n    int64
	tell func(n int64)
}

// Write writes on.
func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

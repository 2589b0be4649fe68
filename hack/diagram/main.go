// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "diagram:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("diagram", flag.ContinueOnError)
	output := flags.String("output", "docs/images/data-path.svg", "file to write")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), `Draws the way of the data as an SVG file.

Usage:
  diagram [--output=FILE]

Example, from the root of the repository:
  go run ./hack/diagram

Flags:
`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 0 {
		return fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	}
	if err := os.WriteFile(*output, dataPath(), 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return nil
}

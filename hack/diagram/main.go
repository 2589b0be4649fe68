// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "diagram:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("diagram", flag.ContinueOnError)
	dir := flags.String("dir", "docs/images", "directory to write to")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), `Draws the pictures of the docs as SVG files.

Usage:
  diagram [--dir=DIR]

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
	for _, p := range pictures() {
		if err := os.WriteFile(filepath.Join(*dir, p.file), p.svg(), 0o644); err != nil {
			return fmt.Errorf("writing a picture: %w", err)
		}
	}
	return nil
}

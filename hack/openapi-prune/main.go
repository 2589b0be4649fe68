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
		fmt.Fprintln(os.Stderr, "openapi-prune:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("openapi-prune", flag.ContinueOnError)
	optional := flags.String("optional", "", "import path of the package whose definitions are kept only if another definition refers to them")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), `Removes unused definitions from a file of openapi-gen, in place.

Usage:
  openapi-prune --optional=IMPORT_PATH FILE

Example:
  go run ./hack/openapi-prune --optional=k8s.io/api/core/v1 pkg/generated/openapi/zz_generated.openapi.go

Flags:
`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *optional == "" {
		return errors.New("--optional and exactly one file are required; see --help")
	}
	file := flags.Arg(0)
	source, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the generated file: %w", err)
	}
	pruned, err := prune(source, *optional)
	if err != nil {
		return fmt.Errorf("pruning %s: %w", file, err)
	}
	if err := os.WriteFile(file, pruned, 0o644); err != nil {
		return fmt.Errorf("writing the pruned file: %w", err)
	}
	return nil
}
